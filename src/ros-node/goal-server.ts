/** The action `imagine`: goals become commands of the queue, and are told how far they are and how it went. */
import { imageFromFrame, NO_HEADER, NO_IMAGE } from '../sdk/messages/images.js';
import type {
  ClipMessage,
  Header,
  ImagineFeedback,
  ImagineGoal,
  ImagineResult,
} from '../sdk/messages/messages.js';
import { durationFromMs } from '../sdk/messages/time.js';
import { ImagineActionServer } from './action-server.js';
import type { Command } from './command-queue.js';
import { CommandError } from './error-codes.js';
import { orderOfGoal } from './goal-order.js';
import { goalResult } from './goal-result.js';
import type { OrderStep } from './imagination.js';
import type { ManagedNode } from './managed-node.js';
import { hexOf, type Order } from './order.js';
import type { GoalHandle } from './rclnodejs.js';
import { remainingTime } from './remaining-time.js';
import type { Work } from './work.js';

type Handle = GoalHandle;

/** There from the node's start to its end, so that a goal that comes at the wrong time is rejected, not lost. */
export class GoalServer {
  readonly #node: ManagedNode;
  readonly #work: Work;
  readonly #commands = new Map<string, Command>();

  constructor(node: ManagedNode, work: Work) {
    this.#node = node;
    this.#work = work;
    new ImagineActionServer(
      node,
      {
        isAccepted: () => {
          if (!work.isActive) node.getLogger().warn(`goal rejected: the node is ${node.state}, not active`);
          return work.isActive;
        },
        accepted: (handle, goal) => this.#accept(handle, goal),
        cancel: (handle) => this.#cancel(handle),
      },
      { resultTimeoutS: node.settings.result_timeout, memory: work.memory },
    );
  }

  #accept(handle: Handle, goal: ImagineGoal): void {
    const acceptedMs = performance.now();
    const { statistics, queue } = this.#work;
    statistics.goals += 1;
    const key = hexOf(handle.goalId);
    const end = (clips: readonly ClipMessage[], error: CommandError | undefined): ImagineResult => {
      const nowMs = performance.now();
      this.#commands.delete(key);
      statistics.end(error?.error ?? 'NONE', nowMs - acceptedMs, nowMs);
      if (handle.isActive) {
        if (error === undefined) handle.succeed();
        else if (handle.isCancelRequested) handle.canceled();
        else handle.abort();
      }
      return goalResult(clips, error, nowMs - acceptedMs);
    };
    const drop = (error: CommandError) => handle.execute(async () => end([], error));
    let order: Order;
    try {
      const planId = { uuid: Uint8Array.from(handle.goalId.uuid) };
      order = orderOfGoal(goal, { planId, acceptedMs, settings: this.#node.settings });
      this.#work.orders.check(order);
    } catch (error) {
      // It takes nobody's place.
      drop(CommandError.from(error));
      return;
    }
    const begin = async (abortSignal: AbortSignal): Promise<void> => {
      let result: Promise<ImagineResult> | undefined;
      handle.execute(() => {
        result = this.#imagine(order, handle, abortSignal, end);
        return result;
      });
      // A goal that has ended already, as when its server is gone, is not executed and nobody waits for it.
      if (result === undefined) end([], new CommandError('INTERNAL', 'the goal had ended before it began'));
      await result;
    };
    const command: Command = { begin, drop };
    this.#commands.set(key, command);
    queue.submit(command, { preempt: true });
  }

  /** Never rejects. */
  async #imagine(
    order: Order,
    handle: Handle,
    abortSignal: AbortSignal,
    end: (clips: readonly ClipMessage[], error: CommandError | undefined) => ImagineResult,
  ): Promise<ImagineResult> {
    // As they are ready, so that an error leaves those that are.
    const clips: ClipMessage[] = [];
    let header = NO_HEADER;
    let begunMs = performance.now();
    let failure: CommandError | undefined;
    try {
      await this.#work.orders.run(order, abortSignal, {
        given: (given) => {
          header = given.header;
          begunMs = performance.now();
        },
        step: (step) => {
          // Between a cancel request and the end of the step there is no one to tell.
          if (handle.isActive && !handle.isCancelRequested)
            handle.publishFeedback(this.#feedback(order, step, header, begunMs));
        },
        clips: (messages) => clips.push(...messages),
      });
    } catch (error) {
      failure = CommandError.from(error);
    }
    return end(clips, failure);
  }

  #feedback(
    { planId, arrivedMs }: Order,
    orderStep: OrderStep,
    header: Header,
    begunMs: number,
  ): ImagineFeedback {
    const { clip, clips, step, steps, preview } = orderStep;
    const nowMs = performance.now();
    const remainingMs = remainingTime(orderStep, nowMs - begunMs) + this.#work.statistics.deliveryMs;
    return {
      plan_id: planId,
      clip,
      clips,
      step,
      steps,
      elapsed: durationFromMs(nowMs - arrivedMs),
      estimated_time_remaining: durationFromMs(remainingMs),
      preview: preview === undefined ? NO_IMAGE : imageFromFrame(preview, header),
    };
  }

  #cancel(handle: Handle): boolean {
    const command = this.#commands.get(hexOf(handle.goalId));
    if (command === undefined) return false;
    // The goal is not in its canceling state before this has returned.
    setImmediate(
      this.#node.guarded('a cancel request', () =>
        this.#work.queue.end(command, new CommandError('CANCELED', 'canceled by its client')),
      ),
    );
    return true;
  }
}
