/** Real ROS 2 processes for a test: the node under test, and a rclpy peer that talks to it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, onTestFinished } from 'vitest';
import { writeTinyModel } from '../support/tiny-model.js';

const { stdout } = spawnSync(process.execPath, ['scripts/set-up-ros.mjs', '--find'], { encoding: 'utf8' });
export const rosEnvironment = JSON.parse(stdout || 'null') as Record<string, string> | null;

/** The Python that has rclpy. */
export const pythonOfRos =
  rosEnvironment?._ROS_WHEELS_BOOTSTRAP_COMPLETE === undefined
    ? 'python3'
    : join(dirname(rosEnvironment.PATH?.split(':')[0] ?? ''), 'bin', 'python');

const WHY = 'ROS 2 is not set up: node scripts/set-up-ros.mjs says what is missing';

/** Where no ROS 2 can be had, its tests are skipped; their title says so. */
export function describeWithRos(name: string, tests: () => void): void {
  describe.skipIf(rosEnvironment === null)(rosEnvironment === null ? `${name} (${WHY})` : name, tests);
}

/** Each file has a domain of its own, so that files can run side by side. */
export function rosEnvironmentOf(domain: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...rosEnvironment,
    ROS_DOMAIN_ID: String(domain),
    ROS_AUTOMATIC_DISCOVERY_RANGE: 'LOCALHOST',
  };
}

/** Where the executables of aid_bringup are, as colcon installed them. */
export function executable(name: string): string {
  const prefixes = (rosEnvironment?.AMENT_PREFIX_PATH ?? '').split(':');
  const found = prefixes
    .map((each) => join(each, 'lib', 'aid_bringup', name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name}: not in any of ${prefixes.join(', ')}`);
  return found;
}

export interface Heard {
  /** Seconds since 1970. */
  readonly at: number;
  // biome-ignore lint/suspicious/noExplicitAny: messages as JSON
  readonly message: any;
}

export class Peer {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #id = 0;
  readonly ready: Promise<unknown>;

  constructor(environment: NodeJS.ProcessEnv) {
    const script = join(import.meta.dirname, 'peer.py');
    this.#process = spawn(pythonOfRos, [script], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
    this.ready = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line) as { id: number; value: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the peer ended: ${code}`));
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: messages as JSON
  do(op: string, args: Record<string, unknown> = {}): Promise<any> {
    this.#id += 1;
    const id = this.#id;
    // The place of the call, not that of the answer, is what a failing test should show.
    const here = new Error(op);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve,
        reject: (error) => {
          here.message = `${op}: ${error.message}`;
          reject(here);
        },
      });
      this.#process.stdin?.write(`${JSON.stringify({ id, op, args })}\n`);
    });
  }

  subscribe(topic: string, type: string, qos?: object): Promise<void> {
    return this.do('subscribe', { topic, type, qos });
  }

  /** All messages since the last call, once there are `count`. */
  wait(topic: string, options: { count?: number; timeout?: number } = {}): Promise<[Heard, ...Heard[]]> {
    return this.do('wait', { topic, ...options });
  }

  /** All messages since the last call, if there are any. */
  drain(topic: string): Promise<Heard[]> {
    return this.do('wait', { topic, count: 0 });
  }

  command(data: string): Promise<number> {
    return this.do('publish', { topic: 'instruction', type: 'std_msgs/msg/String', fields: { data } });
  }

  /** Sends a command and waits for what becomes of it; `outcomes` is to be subscribed to. */
  // biome-ignore lint/suspicious/noExplicitAny: a message as JSON
  async outcomeOf(data: string): Promise<any> {
    await this.drain('outcomes');
    await this.command(data);
    for (;;) {
      const heard = await this.wait('outcomes');
      const own = heard.find(({ message }) => message.instruction === data);
      if (own !== undefined) return own.message;
    }
  }

  camera(fields: object, options: object = {}): Promise<void> {
    return this.do('camera', { topic: 'image', fields, ...options });
  }

  change(node: string, label: string): Promise<{ success: boolean }> {
    const fields = { transition: { label } };
    return this.do('call', {
      service: `${node}/change_state`,
      type: 'lifecycle_msgs/srv/ChangeState',
      fields,
    });
  }

  async state(node: string): Promise<string> {
    const type = 'lifecycle_msgs/srv/GetState';
    return (await this.do('call', { service: `${node}/get_state`, type })).current_state.label;
  }

  /** The `latest` diagnostics of the node as an object. */
  async diagnostics(name: string): Promise<Record<string, string>> {
    // One that was under way may be older than what the caller did last.
    await this.drain('/diagnostics');
    for (;;) {
      const heard = await this.wait('/diagnostics', { count: 2 });
      const status = heard
        .flatMap(({ message }) => message.status)
        .findLast((each) => each.name.startsWith(name));
      if (status === undefined) continue;
      const values = status.values.map(({ key, value }: { key: string; value: string }) => [key, value]);
      return { level: status.level, message: status.message, ...Object.fromEntries(values) };
    }
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null) return resolve();
      this.#process.once('exit', () => resolve());
      this.#process.stdin?.end();
    });
  }
}

/** A process and what it says. */
export class LoggingProcess {
  readonly process: ChildProcess;
  log = '';
  readonly exit: Promise<{ code: number | null; signal: string | null }>;

  constructor(process: ChildProcess) {
    this.process = process;
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (data: Buffer) => {
        this.log += data.toString();
      });
    this.exit = new Promise((resolve) =>
      this.process.once('exit', (code, signal) => resolve({ code, signal })),
    );
  }

  /** Waits for a line of the log. */
  async logged(pattern: RegExp, timeoutMs = 100_000): Promise<string> {
    const end = Date.now() + timeoutMs;
    while (Date.now() < end) {
      const line = this.log.split('\n').find((each) => pattern.test(each));
      if (line !== undefined) return line;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the log has no ${pattern}:\n${this.log}`);
  }
}

export class NodeUnderTest extends LoggingProcess {
  constructor(args: readonly string[], environment: NodeJS.ProcessEnv) {
    super(spawn(executable('planner_node'), args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** In order, so that others forget it at once. */
  async end(): Promise<void> {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 30_000);
    await this.exit;
    clearTimeout(timer);
  }
}

/** How node is started so that it can load ROS 2: the wheels' libraries need libpython in the process. */
function nodeEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { AID_ROS_NODE_PRELOAD: preload } = environment;
  return preload === undefined ? environment : { ...environment, LD_PRELOAD: preload };
}

export interface World {
  readonly peer: Peer;
  readonly environment: NodeJS.ProcessEnv;
  /** Folders of tiny models: one that is quick, and one that takes its time. */
  readonly models: { readonly quick: string; readonly slow: string };
  folder(): string;
  /** Starts a node; it ends with its test, or with the file when it is started before the tests. */
  start(parameters?: Record<string, string | number | boolean>, args?: readonly string[]): NodeUnderTest;
  /** Starts a script of this folder, which may import what is compiled; it ends with its test. */
  run(script: string, ...args: string[]): LoggingProcess;
}

/** A peer, models and nodes for the tests of one file. */
export function worldForTests(domain: number): World {
  // Made when the tests begin: where they are skipped, nothing would remove it.
  const root = join(tmpdir(), `aid-ros-${randomUUID()}`);
  const environment = rosEnvironmentOf(domain);
  const models = { quick: join(root, 'quick'), slow: join(root, 'slow') };
  const nodes: NodeUnderTest[] = [];
  let peer: Peer | undefined;
  let folders = 0;
  let lasting = 0;
  beforeAll(async () => {
    mkdirSync(root);
    await writeTinyModel(models.quick);
    const sampling = { num_inference_steps: 60, frame_guidance: 1, text_guidance: 2 };
    await writeTinyModel(models.slow, { width: 96, height: 96, numFrames: 8, aid: { sampling } });
    peer = new Peer(environment);
    await peer.ready;
    await peer.subscribe('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
  });
  beforeEach(() => {
    lasting = nodes.length;
    return async () => {
      await Promise.all(nodes.splice(lasting).map((node) => node.end()));
    };
  });
  afterAll(async () => {
    await Promise.all([...nodes.map((node) => node.end()), peer?.end()]).finally(() =>
      rmSync(root, { recursive: true, force: true }),
    );
  });
  const run: World['run'] = (script, ...args) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
      env: nodeEnvironment(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new LoggingProcess(child);
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await running.exit;
    });
    return running;
  };
  return {
    run,
    get peer() {
      if (peer === undefined) throw new Error('the peer is not there before the first test');
      return peer;
    },
    environment,
    models,
    folder() {
      folders += 1;
      return mkdtempSync(join(root, `folder-${folders}-`));
    },
    start(parameters = {}, args = []) {
      const pairs = Object.entries({ diagnostics_period: 0.1, threads: 1, warm_up: false, ...parameters });
      const words = pairs.flatMap(([name, value]) => ['-p', `${name}:=${value}`]);
      const node = new NodeUnderTest(['--ros-args', ...words, ...args], environment);
      nodes.push(node);
      return node;
    },
  };
}

/** A picture's fields: every pixel has the bytes `pixel`, every row ends with `padding` more that mean nothing. */
export function image(
  options: {
    encoding?: string;
    pixel?: readonly number[];
    padding?: number;
    width?: number;
    height?: number;
  } = {},
): object {
  const { encoding = 'rgb8', pixel = [99, 99, 99], padding = 0, width = 64, height = 48 } = options;
  const step = width * pixel.length + padding;
  const row = Buffer.concat([Buffer.alloc(step - padding, Buffer.from(pixel)), Buffer.alloc(padding, 7)]);
  const data = `0x${Buffer.concat(Array(height).fill(row)).toString('hex')}`;
  return { header: { frame_id: 'camera' }, width, height, encoding, step, data };
}

export const LATCHED = { depth: 1, durability: 'TRANSIENT_LOCAL' };
