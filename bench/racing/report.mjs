// What a bench found out: tables in Markdown on stdout, and both them and every lap in files, written after each
// part, so that nothing is lost when a later one fails.
import { writeFileSync } from 'node:fs';

export class Report {
  #file;
  #lines = [];
  /** Of every part, by its name. */
  results;

  /** `file` ends in `.json`; the tables lie beside it in `.md`. */
  constructor(file, results) {
    this.#file = file.replace(/\.json$/, '');
    this.results = results;
  }

  get files() {
    return [`${this.#file}.md`, `${this.#file}.json`];
  }

  say(line = '') {
    process.stdout.write(`${line}\n`);
    this.#lines.push(line);
  }

  /** `rows` as lists of cells. */
  table(title, heads, rows) {
    this.say(`## ${title}`);
    this.say();
    for (const cells of [heads, heads.map(() => '---'), ...rows]) this.say(`| ${cells.join(' | ')} |`);
    this.say();
    this.save();
  }

  save() {
    const [tables, laps] = this.files;
    writeFileSync(tables, `${this.#lines.join('\n').trimEnd()}\n`);
    writeFileSync(laps, `${JSON.stringify(this.results, null, 1)}\n`);
  }
}
