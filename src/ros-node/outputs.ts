/** Everything that the node publishes about clips. */
import type { Subscription as RxSubscription } from 'rxjs';
import { type Frame, play } from '../sdk/index.js';
import { imageFromFrame } from '../sdk/messages/images.js';
import type {
  ClipMessage,
  CommandOutcomeMessage,
  Header,
  ImageMessage,
  ModelInfoMessage,
} from '../sdk/messages/messages.js';
import type { ManagedNode } from './managed-node.js';
import { type EventCallbacks, type Publisher, type Qos, ros } from './rclnodejs.js';

/** Keeps the last `depth` messages for subscribers there are; `latched` ones also for those that come later. */
export function qos(depth: number, kind: 'reliable' | 'latched' | 'best-effort'): Qos {
  const { HistoryPolicy, ReliabilityPolicy, DurabilityPolicy } = ros.QoS;
  const policy = (policies: Readonly<Record<string, number>>, name: string): number => {
    const value = policies[name];
    if (value === undefined) throw new Error(`rclnodejs has no ${name}`);
    return value;
  };
  return new ros.QoS(
    policy(HistoryPolicy, 'RMW_QOS_POLICY_HISTORY_KEEP_LAST'),
    depth,
    policy(
      ReliabilityPolicy,
      `RMW_QOS_POLICY_RELIABILITY_${kind === 'best-effort' ? 'BEST_EFFORT' : 'RELIABLE'}`,
    ),
    policy(
      DurabilityPolicy,
      `RMW_QOS_POLICY_DURABILITY_${kind === 'latched' ? 'TRANSIENT_LOCAL' : 'VOLATILE'}`,
    ),
  );
}

/** Logs that another side asks for a quality of service that this one does not offer, or the reverse. */
export function reportIncompatible(node: ManagedNode, topic: string, events: EventCallbacks): EventCallbacks {
  events.incompatibleQos = ({ last_policy_kind }) =>
    node
      .getLogger()
      .error(
        `${node.resolveTopicName(topic)}: quality of service does not match (policy ${last_policy_kind}: ` +
          `${QOS_POLICIES[last_policy_kind] ?? 'unknown'}), no messages pass; see qos_overrides`,
      );
  return events;
}

/** rmw_qos_policy_kind_t. */
const QOS_POLICIES: Readonly<Record<number, string>> = {
  2: 'durability',
  4: 'deadline',
  8: 'liveliness',
  16: 'reliability',
  32: 'history',
  64: 'lifespan',
};

export class Outputs {
  readonly #node: ManagedNode;
  readonly #publishers: Publisher[] = [];
  readonly #clip: Publisher;
  readonly #preview: Publisher;
  readonly #goalImage: Publisher;
  readonly #goalPreview: Publisher;
  readonly #outcomes: Publisher;
  readonly #modelInfo: Publisher;
  #playing: RxSubscription | undefined;

  constructor(node: ManagedNode) {
    this.#node = node;
    const image = 'sensor_msgs/msg/Image';
    this.#clip = this.#publisher('aid_msgs/msg/Clip', 'clip', qos(1, 'latched'));
    this.#preview = this.#publisher(image, 'preview', qos(1, 'reliable'));
    this.#goalImage = this.#publisher(image, 'goal_image', qos(1, 'latched'));
    this.#goalPreview = this.#publisher(image, 'goal_preview', qos(1, 'reliable'));
    this.#outcomes = this.#publisher('aid_msgs/msg/CommandOutcome', 'outcomes', qos(1000, 'reliable'));
    this.#modelInfo = this.#publisher('aid_msgs/msg/ModelInfo', 'model_info', qos(1, 'latched'));
  }

  #publisher(type: string, topic: string, profile: Qos): Publisher {
    const options = { qos: profile, qosOverridingOptions: ros.QoSOverridingOptions.withDefaultPolicies() };
    const events = reportIncompatible(this.#node, topic, new ros.PublisherEventCallbacks());
    const publisher = this.#node.createPublisher(type, topic, options, events);
    this.#publishers.push(publisher);
    return publisher;
  }

  modelInfo(message: ModelInfoMessage): void {
    this.#modelInfo.publish(message);
  }

  outcome(message: CommandOutcomeMessage): void {
    this.#outcomes.publish(message);
  }

  /** Whether anybody looks at what a step foresees. */
  get isGoalPreviewWatched(): boolean {
    return this.#goalPreview.subscriptionCount > 0;
  }

  goalPreview(frame: Frame, header: Header): void {
    this.#goalPreview.publish(imageFromFrame(frame, header));
  }

  /** A complete clip: as a whole, its last frame, and played at its own rate. */
  clip(
    message: ClipMessage,
    { frames, framesPerSecond, loop }: { frames: readonly Frame[]; framesPerSecond: number; loop: boolean },
  ): void {
    this.#clip.publish(message);
    const last = frames.at(-1);
    if (last !== undefined) this.#goalImage.publish(imageFromFrame(last, message.header));
    const images = new Map<Frame, ImageMessage>();
    this.#playing?.unsubscribe();
    this.#playing = play(frames, { framesPerSecond, loop }).subscribe(
      this.#node.guarded('the preview', ({ frame }) => {
        // Nobody looks, nothing is sent.
        if (this.#preview.subscriptionCount === 0) return;
        const image = images.get(frame) ?? imageFromFrame(frame, message.header);
        images.set(frame, image);
        this.#preview.publish(image);
      }),
    );
  }

  stopPlaying(): void {
    this.#playing?.unsubscribe();
    this.#playing = undefined;
  }

  destroy(): void {
    this.stopPlaying();
    for (const publisher of this.#publishers.splice(0)) this.#node.destroyPublisher(publisher);
  }
}
