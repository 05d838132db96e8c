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
import { reportIncompatible, topicOptions } from './quality-of-service.js';
import { type Publisher, ros } from './rclnodejs.js';
import { TOPICS, type TopicName } from './topics.js';

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
    this.#clip = this.#publisher('clip');
    this.#preview = this.#publisher('preview');
    this.#goalImage = this.#publisher('goal_image');
    this.#goalPreview = this.#publisher('goal_preview');
    this.#outcomes = this.#publisher('outcomes');
    this.#modelInfo = this.#publisher('model_info');
  }

  #publisher(topic: TopicName): Publisher {
    const events = reportIncompatible(this.#node, topic, new ros.PublisherEventCallbacks());
    const publisher = this.#node.createPublisher(TOPICS[topic].type, topic, topicOptions(topic), events);
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
