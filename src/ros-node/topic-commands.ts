/** The topic `instruction`: commands become orders of the queue, and whatever becomes of one, it has one outcome. */
import { NO_HEADER } from '../sdk/messages/images.js';
import type { Header } from '../sdk/messages/messages.js';
import { randomPlanId } from '../sdk/messages/plan-id.js';
import { durationFromMs, timeFromNs } from '../sdk/messages/time.js';
import { CommandError, ERROR_CODE } from './error-codes.js';
import type { ManagedNode } from './managed-node.js';
import { type Order, orderOfCommand } from './order.js';
import type { Work } from './work.js';

/** Characters of a command that its outcome repeats, and that the log does. */
const REPEATED = 1000;
const LOGGED = 100;

export class TopicCommands {
  readonly #node: ManagedNode;
  readonly #work: Work;

  constructor(node: ManagedNode, work: Work) {
    this.#node = node;
    this.#work = work;
  }

  take(instruction: string): void {
    const arrivedMs = performance.now();
    const { statistics, queue } = this.#work;
    const { settings } = this.#node;
    statistics.commands += 1;
    let order: Order | undefined;
    let header = NO_HEADER;
    const end = (error?: CommandError): void =>
      this.#tell({ instruction, order, header, error, latencyMs: performance.now() - arrivedMs });
    try {
      order = orderOfCommand(instruction, settings, arrivedMs);
      this.#work.orders.check(order);
    } catch (error) {
      // It takes nobody's place.
      end(CommandError.from(error));
      return;
    }
    const accepted = order;
    const begin = async (abortSignal: AbortSignal): Promise<void> => {
      let failure: CommandError | undefined;
      try {
        await this.#work.orders.run(accepted, abortSignal, {
          given: (given) => {
            header = given.header;
          },
        });
      } catch (error) {
        failure = CommandError.from(error);
      }
      end(failure);
    };
    queue.submit({ begin, drop: end }, { preempt: settings.on_new_command === 'preempt' });
  }

  #tell({
    instruction,
    order,
    header,
    error,
    latencyMs,
  }: {
    readonly instruction: string;
    readonly order: Order | undefined;
    readonly header: Header;
    readonly error: CommandError | undefined;
    readonly latencyMs: number;
  }): void {
    const node = this.#node;
    this.#work.statistics.end(error?.error ?? 'NONE', latencyMs, performance.now());
    if (error !== undefined && error.error !== 'DROPPED' && error.error !== 'PREEMPTED')
      node.getLogger().warn(`"${instruction.slice(0, LOGGED)}": ${error.error}: ${error.message}`);
    this.#work.loaded?.outputs.outcome({
      header: { stamp: timeFromNs(node.now()), frame_id: header.frame_id },
      plan_id: order?.planId ?? randomPlanId(),
      instruction: instruction.slice(0, REPEATED),
      error_code: ERROR_CODE[error?.error ?? 'NONE'],
      error_msg: error?.message ?? '',
      latency: durationFromMs(latencyMs),
    });
  }
}
