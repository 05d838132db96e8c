/** Carries out orders: looks, imagines, publishes. */
import { AidError, type VideoPlanner } from '../sdk/index.js';
import { clipMessage } from '../sdk/messages/clip-message.js';
import type { ClipFormat } from '../sdk/messages/images.js';
import type { CameraInfoMessage, ClipMessage, Header } from '../sdk/messages/messages.js';
import { timeFromNs } from '../sdk/messages/time.js';
import type { Camera } from './camera.js';
import { eachOf } from './each-of.js';
import { CommandError } from './error-codes.js';
import { imagineOrder, type OrderStep } from './imagination.js';
import type { ManagedNode } from './managed-node.js';
import type { Given, Order } from './order.js';
import type { Outputs } from './outputs.js';
import { PARAMETERS } from './parameters.js';
import type { Statistics } from './statistics.js';

/** Who gave the order hears of what becomes of it. */
export interface OrderListener {
  readonly given?: (given: Given) => void;
  readonly step?: (step: OrderStep) => void;
  readonly clips?: (clips: readonly ClipMessage[]) => void;
}

export class OrderRunner {
  readonly #node: ManagedNode;
  readonly #planner: VideoPlanner;
  readonly #camera: Camera;
  readonly #outputs: Outputs;
  readonly #statistics: Statistics;

  constructor(
    node: ManagedNode,
    parts: {
      readonly planner: VideoPlanner;
      readonly camera: Camera;
      readonly outputs: Outputs;
      readonly statistics: Statistics;
    },
  ) {
    this.#node = node;
    this.#planner = parts.planner;
    this.#camera = parts.camera;
    this.#outputs = parts.outputs;
    this.#statistics = parts.statistics;
  }

  /**
   * What can be known to be wrong with an order before any work, so that nothing is ended for one that comes to
   * nothing. Errors: CommandError `INVALID_REQUEST`; `invalid-argument`.
   */
  check({ instructions, seeds, sampling, given }: Order): void {
    const [instruction = ''] = instructions;
    const { numFrames: most, width, height } = this.#planner.video;
    const { numFrames = most, numInferenceSteps } = sampling;
    const [, mostSteps] = PARAMETERS.num_inference_steps.range;
    if (numFrames > most) refuse(`num_frames: expected at most ${most}, got ${numFrames}`);
    if (numInferenceSteps !== undefined && numInferenceSteps > mostSteps)
      refuse(`num_inference_steps: expected at most ${mostSteps}, got ${numInferenceSteps}`);
    const clips = instructions.length * seeds.length;
    const bytes = clips * numFrames * width * height * 3;
    if (clips > 1 && bytes > MOST_RESULT_BYTES)
      refuse(
        `instructions, candidates: expected a result of at most ${MOST_RESULT_BYTES} bytes of pixels, got ${clips} clips of ${bytes / clips}`,
      );
    if (given !== undefined && given.count > numFrames)
      refuse(`frames: expected at most the clip's ${numFrames}, got ${given.count}`);
    this.#planner.check({ ...sampling, instruction });
  }

  /** Errors: CommandError, AidError; the signal's reason. */
  async run(order: Order, abortSignal: AbortSignal, tell: OrderListener): Promise<void> {
    const { settings } = this.#node;
    const { deadlineMs, arrivedMs } = order;
    const leftMs = () =>
      deadlineMs > 0 ? deadlineMs - (performance.now() - arrivedMs) - this.#statistics.deliveryMs : undefined;
    try {
      const given = await (order.given?.decode(abortSignal) ?? this.#camera.look(abortSignal, leftMs()));
      tell.given?.(given);
      const picture = given.frames.at(-1);
      if (picture === undefined) throw new CommandError('NO_IMAGE', 'expected at least one frame');
      const origin = {
        header: given.header,
        planId: order.planId,
        picture,
        cameraInfo: this.#calibrationOf(given.header, order),
        format: settings.clip_format as ClipFormat,
      };
      const preview = order.preview || this.#outputs.isGoalPreviewWatched;
      await eachOf(
        imagineOrder(this.#planner, { ...order, preview }, given.frames, { abortSignal, leftMs }),
        async (event) => {
          if (event.kind === 'step') {
            if (event.preview !== undefined) this.#outputs.goalPreview(event.preview, given.header);
            return tell.step?.(order.preview ? event : { ...event, preview: undefined });
          }
          const imaginedMs = performance.now();
          const messages = await Promise.all(
            event.clips.map((clip) =>
              clipMessage(clip, { ...origin, generatedAt: timeFromNs(this.#node.now()) }),
            ),
          );
          tell.clips?.(messages);
          this.#statistics.clips += messages.length;
          const [best, message] = [event.clips[0], messages[0]];
          if (best === undefined || message === undefined) return;
          const { framesPerSecond } = this.#planner.video;
          this.#outputs.clip(message, { frames: best.frames, framesPerSecond, loop: settings.preview_loop });
          this.#statistics.delivered(performance.now() - imaginedMs);
        },
      );
    } catch (error) {
      // Why it was stopped says more than that it was.
      if (abortSignal.aborted) throw abortSignal.reason;
      if (AidError.isInstance(error) && error.code === 'deadline-exceeded')
        throw new CommandError(
          'DEADLINE_EXCEEDED',
          `not done within ${deadlineMs / 1000} s: ${error.message}`,
        );
      throw error;
    }
  }

  /** That of the camera which took the frame, as its frame_id says; a given frame that names none is nobody's. */
  #calibrationOf({ frame_id }: Header, { given }: Order): CameraInfoMessage | undefined {
    const { info } = this.#camera;
    const isNamed = frame_id !== '' || given === undefined;
    return isNamed && info?.header.frame_id === frame_id ? info : undefined;
  }
}

/** A result is one message, in memory at once. */
const MOST_RESULT_BYTES = 2 ** 28;

function refuse(what: string): never {
  throw new CommandError('INVALID_REQUEST', what);
}
