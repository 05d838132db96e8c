/** Everything that the node publishes about clips. */
import type { Subscription as RxSubscription } from 'rxjs';
import { type Frame, play } from '../sdk/index.js';
import type { CdrMemory } from '../sdk/messages/cdr-memory.js';
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
import type { Teardown } from './teardown.js';
import { TOPICS, type TopicName } from './topics.js';

/** The longest time that is waited for the last outcomes to arrive. */
const LAST_WORDS_NS = 200_000_000n;

/** A topic whose messages are made into bytes here: rclnodejs needs 20 times as long for a clip. */
class Output<Message extends object> {
  readonly publisher: Publisher;
  readonly #writer: CdrMessageWriter;

  constructor(node: ManagedNode, topic: TopicName, memory: CdrMemory, undo: Teardown) {
    const { type } = TOPICS[topic];
    const events = reportIncompatible(node, topic, new ros.PublisherEventCallbacks());
    this.publisher = node.createPublisher(type, topic, topicOptions(topic), events);
    undo.add(() => {
      try {
        // Fast DDS may still be about to send what was said last; other middlewares cannot tell.
        if (topic === 'outcomes') this.publisher.waitForAllAcked(LAST_WORDS_NS);
      } catch (error) {
        node.getLogger().info(`the last outcomes may not have arrived: ${String(error)}`);
      } finally {
        node.destroyPublisher(this.publisher);
      }
    });
    this.#writer = messageWriter(type, memory);
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

  /** `undo` hears of each publisher. */
  constructor(node: ManagedNode, memory: CdrMemory, undo: Teardown) {
    this.#node = node;
    this.#clip = new Output(node, 'clip', memory, undo);
    this.#preview = new Output(node, 'preview', memory, undo);
    this.#goalImage = new Output(node, 'goal_image', memory, undo);
    this.#goalPreview = new Output(node, 'goal_preview', memory, undo);
    this.#outcomes = new Output(node, 'outcomes', memory, undo);
    this.#modelInfo = new Output(node, 'model_info', memory, undo);
    undo.add(() => this.stopPlaying());
  }

  modelInfo(message: ModelInfoMessage): void {
    this.#modelInfo.publish(message);
  }

  outcome(message: CommandOutcomeMessage): void {
    this.#outcomes.publish(message);
  }

  /** Whether anybody looks at what steps foresee. */
  get isGoalPreviewWatched(): boolean {
    return this.#goalPreview.isWatched;
  }

  goalPreview(frame: Frame, header: Header): void {
    if (this.#goalPreview.isWatched) this.#goalPreview.publish(imageFromFrame(frame, header));
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
}
