/**
 * rclnodejs's action server, whose results are made into bytes here: for one with clips rclnodejs keeps the node's
 * thread 15 to 30 times as long.
 */
import type { CdrMemory } from '../sdk/messages/cdr-memory.js';
import { type CdrMessageWriter, messageWriter } from '../sdk/messages/cdr-writer.js';
import type { ImagineGoal, ImagineResult } from '../sdk/messages/messages.js';
import { CommandError } from './error-codes.js';
import { goalResult } from './goal-result.js';
import type { ManagedNode } from './managed-node.js';
import { qos } from './quality-of-service.js';
import { type GoalHandle, type Message, type MessageClass, ros } from './rclnodejs.js';

/** A service of ROS keeps 10 requests and loses what comes beyond them without a word. */
const WAITING_REQUESTS = 1000;

/** aid_msgs/action/Imagine_GetResult_Response. */
interface ResultResponse {
  /** action_msgs/msg/GoalStatus */
  readonly status: number;
  readonly result: ImagineResult;
}

export interface GoalCallbacks {
  readonly isAccepted: () => boolean;
  readonly accepted: (handle: GoalHandle, goal: ImagineGoal) => void;
  /** Whether there is something to cancel. */
  readonly cancel: (handle: GoalHandle) => boolean;
}

export class ImagineActionServer extends ros.ActionServer<ImagineGoal> {
  readonly #node: ManagedNode;
  readonly #writer: CdrMessageWriter;
  readonly #type: ReturnType<MessageClass['type']>;
  /** One message for all results, in memory of C: filled to be sent, and emptied again. */
  readonly #response: InstanceType<MessageClass>;
  readonly #memory: Buffer;

  constructor(
    node: ManagedNode,
    { isAccepted, accepted, cancel }: GoalCallbacks,
    { resultTimeoutS, memory }: { readonly resultTimeoutS: number; readonly memory: CdrMemory },
  ) {
    const { GoalResponse, CancelResponse } = ros;
    // Each goal is asked about, then accepted, in one go; converting its frames twice would take twice as long.
    let asked: ImagineGoal | undefined;
    super(
      node,
      'aid_msgs/action/Imagine',
      'imagine',
      async () => goalResult([], new CommandError('INTERNAL', 'this goal was not begun'), 0),
      (goal) => {
        if (!isAccepted()) return GoalResponse.REJECT;
        asked = goal;
        return GoalResponse.ACCEPT;
      },
      (handle) => {
        const goal = asked;
        asked = undefined;
        if (goal !== undefined) accepted(handle, goal);
      },
      (handle) => (cancel(handle) ? CancelResponse.ACCEPT : CancelResponse.REJECT),
      {
        resultTimeout: resultTimeoutS,
        qos: {
          goalServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
          resultServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
          cancelServiceQosProfile: qos(WAITING_REQUESTS, 'reliable'),
        },
      },
    );
    this.#node = node;
    this.#writer = messageWriter('aid_msgs/action/Imagine_GetResult_Response', memory);
    const { Response } = this.typeClass.impl.GetResultService;
    this.#type = Response.type();
    this.#response = new Response();
    this.#memory = this.#response.toRawROS();
  }

  override async _executeGoal(callback: () => Promise<Message>, handle: GoalHandle): Promise<void> {
    let result: Message;
    try {
      result = await callback();
    } catch (error) {
      this.#node.report('a goal', error);
      if (handle.isActive) handle.abort();
      result = goalResult([], CommandError.from(error), 0);
    }
    handle._deferred.setResult({ status: handle.status, result });
  }

  override _sendResultResponse(header: object, response: ResultResponse): void {
    if (this.isDestroyed()) return;
    try {
      this.#fill(response);
      ros.native.actionSendResultResponse(this.handle, header, this.#memory);
    } catch (error) {
      this.#node.report("a goal's result", error);
    } finally {
      this.#fill(NOTHING);
    }
  }

  #fill(response: ResultResponse): void {
    const { buffer, byteOffset, byteLength } = this.#writer.writeOver(response);
    const { pkgName, subFolder, interfaceName } = this.#type;
    const cdr = Buffer.from(buffer, byteOffset, byteLength);
    ros.native.deserialize(pkgName, subFolder, interfaceName, cdr, this.#memory);
  }
}

const NOTHING: ResultResponse = {
  status: 0,
  result: { clips: [], error_code: 0, error_msg: '', total_time: { sec: 0, nanosec: 0 } },
};
