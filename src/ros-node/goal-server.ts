/** The action `imagine`: goals become commands of the queue, and are told how it went. */

import type {
  ClipMessage,
  ImagineFeedback,
  ImagineGoal,
  ImagineResult,
  Uuid,
} from '../sdk/messages/messages.js';
import { durationFromMs } from '../sdk/messages/time.js';
import type { Command } from './command-queue.js';
import { CommandError, ERROR_CODE } from './error-codes.js';
import type { ManagedNode } from './managed-node.js';
import { hexOf } from './order.js';
import { qos } from './quality-of-service.js';
import { type ActionServer, type GoalHandle, ros } from './rclnodejs.js';

/** A service of ROS keeps 10 requests and loses what comes beyond them without a word. */
const WAITING_REQUESTS = 1000;

/** What a goal asks of the node. */
export interface GoalWork {
  /** Whether goals are taken at all; a goal that is not taken is rejected, as by Nav2. */
  readonly isActive: () => boolean;
  readonly submit: (command: Command) => void;
  readonly end: (command: Command, error: CommandError) => void;
  /** Adds clips to `clips` as they are ready, so that an error leaves those that are. Errors: CommandError. */
  readonly imagine: (
    goal: ImagineGoal,
    planId: Uuid,
    clips: ClipMessage[],
    feedback: (feedback: ImagineFeedback) => void,
    abortSignal: AbortSignal,
  ) => Promise<void>;
  readonly ended: (error: CommandError | undefined, latencyMs: number) => void;
}

export class GoalServer {
  readonly #node: ManagedNode;
  readonly #work: GoalWork;
  readonly #server: ActionServer;
  readonly #commands = new Map<string, Command>();

  constructor(node: ManagedNode, work: GoalWork, { resultTimeoutS }: { resultTimeoutS: number }) {
    this.#node = node;
    this.#work = work;
    const { ACCEPT, REJECT } = ros.GoalResponse;
    this.#server = new ros.ActionServer<ImagineGoal>(
      node,
      'aid_msgs/action/Imagine',
      'imagine',
      async () => emptyResult(new CommandError('INTERNAL', 'this goal was not begun'), 0),
      () => {
        if (work.isActive()) return ACCEPT;
        node.getLogger().warn(`goal rejected: the node is ${node.state}, not active`);
        return REJECT;
      },
      (handle) => this.#accept(handle),
      (handle) => this.#cancel(handle),
      {
        resultTimeout: resultTimeoutS,
        qos: {
          goalServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
          resultServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
          cancelServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
        },
      },
    );
  }

  destroy(): void {
    this.#server.destroy();
  }

  #accept(handle: GoalHandle<ImagineGoal>): void {
    const planId = { uuid: Uint8Array.from(handle.goalId.uuid) };
    const key = hexOf(planId);
    const acceptedMs = performance.now();
    const finish = (clips: readonly ClipMessage[], error: CommandError | undefined): ImagineResult => {
      const latencyMs = performance.now() - acceptedMs;
      this.#commands.delete(key);
      this.#work.ended(error, latencyMs);
      if (handle.isActive) {
        if (error === undefined) handle.succeed();
        else if (handle.isCancelRequested) handle.canceled();
        else handle.abort();
      }
      return error === undefined
        ? { clips, error_code: ERROR_CODE.NONE, error_msg: '', total_time: durationFromMs(latencyMs) }
        : { ...emptyResult(error, latencyMs), clips };
    };
    const work = async (abortSignal: AbortSignal): Promise<ImagineResult> => {
      const clips: ClipMessage[] = [];
      let error: CommandError | undefined;
      try {
        const goal = handle.request.toPlainObject(true);
        const feedback = (message: ImagineFeedback) => {
          // Between a cancel request and the end of the step there is no one to tell.
          if (handle.isActive && !handle.isCancelRequested) handle.publishFeedback(message);
        };
        await this.#work.imagine(goal, planId, clips, feedback, abortSignal);
      } catch (thrown) {
        error = CommandError.from(thrown);
      }
      return finish(clips, error);
    };
    const command: Command = {
      begin: async (abortSignal) => {
        let result: Promise<ImagineResult> | undefined;
        handle.execute(() => {
          result = work(abortSignal);
          return result;
        });
        // A goal that has ended already, as when its server is gone, is not executed and nobody waits for it.
        if (result === undefined)
          finish([], new CommandError('INTERNAL', 'the goal had ended before it began'));
        await result;
      },
      drop: (error) => handle.execute(async () => finish([], error)),
    };
    this.#commands.set(key, command);
    this.#work.submit(command);
  }

  #cancel(handle: GoalHandle<ImagineGoal>): number {
    const command = this.#commands.get(hexOf(handle.goalId));
    if (command === undefined) return ros.CancelResponse.REJECT;
    // The goal is not in its canceling state before this has returned.
    setImmediate(
      this.#node.guarded('a cancel request', () =>
        this.#work.end(command, new CommandError('CANCELED', 'canceled by its client')),
      ),
    );
    return ros.CancelResponse.ACCEPT;
  }
}

function emptyResult(error: CommandError, latencyMs: number): ImagineResult {
  return {
    clips: [],
    error_code: ERROR_CODE[error.error],
    error_msg: error.message,
    total_time: durationFromMs(latencyMs),
  };
}
