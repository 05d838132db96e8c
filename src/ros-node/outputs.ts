/** Everything that the node publishes about clips. */
import type { Subscription as RxSubscription } from 'rxjs';
import { type Frame, play } from '../sdk/index.js';
import { type CdrMessageWriter, messageWriter } from '../sdk/messages/cdr-writer.js';
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

/** A topic whose messages are made into bytes here: rclnodejs needs 20 times as long for a clip. */
class Output<Message extends object> {
  readonly publisher: Publisher;
  readonly #writer: CdrMessageWriter;

  constructor(node: ManagedNode, topic: TopicName) {
    const { type } = TOPICS[topic];
    const events = reportIncompatible(node, topic, new ros.PublisherEventCallbacks());
    this.publisher = node.createPublisher(type, topic, topicOptions(topic), events);
    this.#writer = messageWriter(type);
  }

  get isWatched(): boolean {
    return this.publisher.subscriptionCount > 0;
  }

  publish(message: Message): void {
    const { buffer, byteOffset, byteLength } = this.#writer.writeOver(message);
    this.publisher.publish(Buffer.from(buffer, byteOffset, byteLength));
  }
}

export class Outputs {
  readonly #node: ManagedNode;
  readonly #clip: Output<ClipMessage>;
  readonly #preview: Output<ImageMessage>;
  readonly #goalImage: Output<ImageMessage>;
  readonly #goalPreview: Output<ImageMessage>;
  readonly #outcomes: Output<CommandOutcomeMessage>;
  readonly #modelInfo: Output<ModelInfoMessage>;
  #playing: RxSubscription | undefined;

  constructor(node: ManagedNode) {
    this.#node = node;
    this.#clip = new Output(node, 'clip');
    this.#preview = new Output(node, 'preview');
    this.#goalImage = new Output(node, 'goal_image');
    this.#goalPreview = new Output(node, 'goal_preview');
    this.#outcomes = new Output(node, 'outcomes');
    this.#modelInfo = new Output(node, 'model_info');
  }

  modelInfo(message: ModelInfoMessage): void {
    this.#modelInfo.publish(message);
  }

  outcome(message: CommandOutcomeMessage): void {
    this.#outcomes.publish(message);
  }

  /** Whether anybody looks at what a step foresees. */
  get isGoalPreviewWatched(): boolean {
    return this.#goalPreview.isWatched;
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
    this.#playing?.unsubscribe();
    this.#playing = play(frames, { framesPerSecond, loop }).subscribe(
      this.#node.guarded('the preview', ({ frame }) => {
        if (this.#preview.isWatched) this.#preview.publish(imageFromFrame(frame, message.header));
      }),
    );
  }

  stopPlaying(): void {
    this.#playing?.unsubscribe();
    this.#playing = undefined;
  }

  destroy(): void {
    this.stopPlaying();
    const all = [
      this.#clip,
      this.#preview,
      this.#goalImage,
      this.#goalPreview,
      this.#outcomes,
      this.#modelInfo,
    ];
    for (const { publisher } of all) this.#node.destroyPublisher(publisher);
  }
}
