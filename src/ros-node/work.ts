/** What the node has to do and what it does it with: shared by the topic, the action, the services and diagnostics. */
import { CdrMemory } from '../sdk/messages/cdr-memory.js';
import type { ModelInfoMessage } from '../sdk/messages/messages.js';
import { Camera } from './camera.js';
import { CommandQueue } from './command-queue.js';
import { CommandError } from './error-codes.js';
import type { ManagedNode } from './managed-node.js';
import type { OrderRunner } from './order-runner.js';
import type { Outputs } from './outputs.js';
import { Statistics } from './statistics.js';

/** What is there from configure to cleanup. */
export interface Loaded {
  readonly model: ModelInfoMessage;
  readonly outputs: Outputs;
  readonly orders: OrderRunner;
}

export class Work {
  readonly camera: Camera;
  readonly queue: CommandQueue;
  /** In which messages are written, each sent before the next. */
  readonly memory = new CdrMemory();
  readonly statistics = new Statistics(performance.now());
  loaded: Loaded | undefined;
  isActive = false;
  isEnabled = true;

  constructor(node: ManagedNode) {
    this.camera = new Camera(node);
    this.queue = new CommandQueue((error) => node.report('a command', error));
  }

  /** What carries orders out. Errors: CommandError `DISABLED`, `NOT_ACTIVE`. */
  get orders(): OrderRunner {
    if (!this.isEnabled) throw disabled();
    if (this.loaded === undefined) throw new CommandError('NOT_ACTIVE', 'the node was cleaned up');
    return this.loaded.orders;
  }
}

export function disabled(): CommandError {
  return new CommandError('DISABLED', 'the service set_enabled has switched imagining off');
}
