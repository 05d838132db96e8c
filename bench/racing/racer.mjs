// A process that runs one race on the driver's word.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Racer {
  #child;
  #lines;
  #name;

  constructor(name, command, args, options = {}) {
    this.#name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The first line: what the racer tells of itself. */
  ready() {
    return this.#next();
  }

  async lap() {
    this.#child.stdin.write('go\n');
    return this.#next();
  }

  async end() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await ended;
  }

  async #next() {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#name}: ended before it answered`);
    return JSON.parse(value);
  }
}

/** Laps in turn, so that whatever else the machine does hits both: `{ ours: [lap...], theirs: [lap...] }`. */
export async function interleaved(racers, laps) {
  const told = {};
  for (const [name, racer] of Object.entries(racers)) told[name] = { ...(await racer.ready()), laps: [] };
  for (let lap = 0; lap < laps; lap++) {
    const order = Object.entries(racers);
    for (const [name, racer] of lap % 2 === 0 ? order : order.toReversed())
      told[name].laps.push(await racer.lap());
  }
  for (const racer of Object.values(racers)) await racer.end();
  return told;
}
