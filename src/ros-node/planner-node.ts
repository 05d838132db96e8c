/** The planner as a ROS 2 node: what happens at each transition, and to each command. */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { concatMap, lastValueFrom, type Observable } from 'rxjs';
import { AidError, type ChosenProvider, VideoPlanner } from '../sdk/index.js';
import { clipMessage } from '../sdk/messages/clip-message.js';
import {
  type ClipFormat,
  frameFromCompressedImage,
  frameFromImage,
  imageFromFrame,
  NO_HEADER,
  NO_IMAGE,
} from '../sdk/messages/images.js';
import type {
  CameraInfoMessage,
  ClipMessage,
  CompressedImageMessage,
  Header,
  ImageMessage,
  ImagineFeedback,
  ModelInfoMessage,
  StringMessage,
} from '../sdk/messages/messages.js';
import { durationFromMs, timeFromNs } from '../sdk/messages/time.js';
import { CommandQueue } from './command-queue.js';
import { diagnosticArray } from './diagnostics.js';
import { CommandError, ERROR_CODE } from './error-codes.js';
import { GoalServer } from './goal-server.js';
import { imagineOrder, type OrderStep } from './imagination.js';
import { LatestImage } from './latest-image.js';
import type { LifecycleHooks, ManagedNode } from './managed-node.js';
import { type Given, type Order, orderOfCommand, orderOfGoal, randomPlanId } from './order.js';
import { Outputs } from './outputs.js';
import { reportIncompatible, topicOptions } from './quality-of-service.js';
import { type Publisher, ros, type Service, type ServiceResponse, type Subscription } from './rclnodejs.js';
import { Statistics } from './statistics.js';
import { TOPICS, type TopicName } from './topics.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** What is there from configure to cleanup. */
interface Configured {
  readonly planner: VideoPlanner;
  readonly outputs: Outputs;
  readonly goals: GoalServer;
  readonly services: readonly Service[];
}

export class PlannerNode implements LifecycleHooks {
  readonly #node: ManagedNode;
  readonly #queue = new CommandQueue();
  readonly #statistics = new Statistics();
  readonly #images: LatestImage<ImageMessage | CompressedImageMessage>;
  readonly #diagnostics: Publisher;
  #configured: Configured | undefined;
  #modelInfo: ModelInfoMessage | undefined;
  #cameraInfo: CameraInfoMessage | undefined;
  #subscriptions: Subscription[] = [];
  #isActive = false;
  #isEnabled = true;

  constructor(node: ManagedNode) {
    this.#node = node;
    this.#images = new LatestImage(() => node.now());
    this.#diagnostics = node.createPublisher(
      TOPICS['/diagnostics'].type,
      '/diagnostics',
      topicOptions('/diagnostics'),
    );
    const period = BigInt(Math.round(node.settings.diagnostics_period * 1e9));
    node.createTimer(period, () => this.#publishDiagnostics());
    node.setHooks(this);
  }

  async configure(abortSignal: AbortSignal): Promise<void> {
    const node = this.#node;
    const { model, provider, threads, result_timeout } = node.settings;
    const path = resolve(model === '' ? resolve(packageRoot, 'models', 'aid-mini') : model);
    const started = performance.now();
    node.getLogger().info(`loading ${path}`);
    const planner = await VideoPlanner.load(path, {
      provider: provider as ChosenProvider,
      ...(threads === 0n ? {} : { threads: Number(threads) }),
      abortSignal,
    });
    try {
      if (node.settings.warm_up)
        await planner.warmUp({ previewFrames: [planner.video.numFrames - 1], abortSignal });
    } catch (error) {
      await planner.dispose();
      throw error;
    }
    const loadMs = performance.now() - started;
    const outputs = new Outputs(node);
    const goals = new GoalServer(
      node,
      {
        isActive: () => this.#isActive,
        submit: (command) => {
          this.#statistics.goals += 1;
          this.#queue.submit(command, { preempt: true });
        },
        end: (command, error) => this.#queue.end(command, error),
        imagine: (goal, planId, clips, feedback, signal) =>
          this.#imagineGoal(() => orderOfGoal(goal, planId, node.settings), clips, feedback, signal),
        ended: (error, latencyMs) =>
          this.#statistics.end(error?.error ?? 'NONE', latencyMs, performance.now()),
      },
      { resultTimeoutS: result_timeout },
    );
    this.#configured = { planner, outputs, goals, services: this.#createServices() };
    this.#modelInfo = modelInfo(path, planner, loadMs, this.#header(''));
    outputs.modelInfo(this.#modelInfo);
    const { provider: chosen, threads: used } = planner.engine;
    node
      .getLogger()
      .info(`loaded ${path} in ${(loadMs / 1000).toFixed(1)} s; computing on ${chosen}, ${used} threads`);
  }

  async activate(): Promise<void> {
    const node = this.#node;
    const { image_transport: transport } = node.settings;
    this.#subscribe<ImageMessage | CompressedImageMessage>(
      transport === 'raw' ? 'image' : 'image/compressed',
      (image) => this.#images.put(image),
    );
    this.#subscribe<CameraInfoMessage>('camera_info', (info) => {
      this.#cameraInfo = info;
    });
    this.#subscribe<StringMessage>(
      'instruction',
      node.drained(({ data }) => this.#command(data)),
    );
    this.#isActive = true;
  }

  async deactivate(): Promise<void> {
    this.#isActive = false;
    for (const subscription of this.#subscriptions.splice(0)) this.#node.destroySubscription(subscription);
    await this.#queue.endAll(new CommandError('NOT_ACTIVE', 'the node was deactivated'));
    this.#configured?.outputs.stopPlaying();
    this.#images.forget();
    this.#cameraInfo = undefined;
  }

  async cleanup(): Promise<void> {
    if (this.#isActive) await this.deactivate();
    const configured = this.#configured;
    this.#configured = undefined;
    this.#modelInfo = undefined;
    if (configured === undefined) return;
    configured.goals.destroy();
    configured.outputs.destroy();
    for (const service of configured.services) this.#node.destroyService(service);
    await configured.planner.dispose();
  }

  #subscribe<T extends object>(topic: TopicName, callback: (message: T) => void): void {
    const events = reportIncompatible(this.#node, topic, new ros.SubscriptionEventCallbacks());
    if (topic === 'instruction') {
      events.messageLost = ({ total_count_change: lost }) => {
        this.#statistics.lost += lost;
        this.#node.getLogger().error(`${lost} commands were lost before they came here`);
      };
    }
    const { type } = TOPICS[topic];
    this.#subscriptions.push(
      this.#node.createSubscription<T>(type, topic, topicOptions(topic), callback, events),
    );
  }

  #createServices(): Service[] {
    const node = this.#node;
    const answer = (ended: number) => ({ success: true, ended, error_code: 0, error_msg: '' });
    return [
      node.createService<{ forget_image: boolean }>(
        'aid_msgs/srv/Reset',
        '~/reset',
        node.guarded('reset', async ({ forget_image }, response: ServiceResponse) => {
          if (forget_image) this.#images.forget();
          response.send(
            answer(await this.#queue.endAll(new CommandError('RESET', 'ended by the service reset'))),
          );
        }),
      ),
      node.createService<{ enabled: boolean }>(
        'aid_msgs/srv/SetEnabled',
        '~/set_enabled',
        node.guarded('set_enabled', async ({ enabled }, response: ServiceResponse) => {
          const was_enabled = this.#isEnabled;
          this.#isEnabled = enabled;
          if (!enabled) await this.#queue.endAll(disabled());
          response.send({ success: true, was_enabled, error_code: 0, error_msg: '' });
        }),
      ),
    ];
  }

  /** A command on the topic. Whatever becomes of it, there is one outcome. */
  #command(instruction: string): void {
    this.#statistics.commands += 1;
    const node = this.#node;
    const { settings } = node;
    const arrivedMs = performance.now();
    let order: Order | undefined;
    let header = NO_HEADER;
    const end = (error?: CommandError): void => {
      const latencyMs = performance.now() - arrivedMs;
      this.#statistics.end(error?.error ?? 'NONE', latencyMs, performance.now());
      if (error !== undefined && error.error !== 'DROPPED' && error.error !== 'PREEMPTED')
        node.getLogger().warn(`"${instruction.slice(0, 100)}": ${error.error}: ${error.message}`);
      this.#configured?.outputs.outcome({
        header: { stamp: timeFromNs(node.now()), frame_id: header.frame_id },
        plan_id: order?.planId ?? randomPlanId(),
        instruction: instruction.slice(0, 1000),
        error_code: ERROR_CODE[error?.error ?? 'NONE'],
        error_msg: error?.message ?? '',
        latency: durationFromMs(latencyMs),
      });
    };
    try {
      if (!this.#isEnabled) throw disabled();
      order = orderOfCommand(instruction, settings, this.#configured?.outputs.isGoalPreviewWatched === true);
    } catch (error) {
      end(CommandError.from(error));
      return;
    }
    const accepted = order;
    this.#queue.submit(
      {
        begin: async (abortSignal) => {
          try {
            await this.#imagine(accepted, abortSignal, {
              given: (given) => {
                header = given.header;
              },
              step: ({ preview }) => {
                if (preview !== undefined) this.#configured?.outputs.goalPreview(preview, header);
              },
              clips: () => undefined,
            });
            end();
          } catch (error) {
            end(CommandError.from(error));
          }
        },
        drop: end,
      },
      { preempt: settings.on_new_command === 'preempt' },
    );
  }

  async #imagineGoal(
    orderOf: () => Order,
    clips: ClipMessage[],
    feedback: (feedback: ImagineFeedback) => void,
    abortSignal: AbortSignal,
  ): Promise<void> {
    if (!this.#isEnabled) throw disabled();
    const order = orderOf();
    let header: Header = NO_HEADER;
    await this.#imagine(order, abortSignal, {
      given: (given) => {
        header = given.header;
      },
      step: ({ clip, clips: total, step, steps, preview }) => {
        const elapsedMs = performance.now() - order.arrivedMs;
        const done = clip * steps + step;
        feedback({
          plan_id: order.planId,
          clip,
          clips: total,
          step,
          steps,
          elapsed: durationFromMs(elapsedMs),
          estimated_time_remaining: durationFromMs((elapsedMs / done) * (total * steps - done)),
          preview: preview === undefined ? NO_IMAGE : imageFromFrame(preview, header),
        });
      },
      clips: (messages) => clips.push(...messages),
    });
  }

  /** Imagines and publishes. Errors: CommandError, AidError. */
  async #imagine(
    order: Order,
    abortSignal: AbortSignal,
    tell: {
      readonly given: (given: Given) => void;
      readonly step: (step: OrderStep) => void;
      readonly clips: (clips: readonly ClipMessage[]) => void;
    },
  ): Promise<void> {
    const { settings } = this.#node;
    const { deadlineMs, arrivedMs } = order;
    const leftMs = () =>
      deadlineMs > 0 ? deadlineMs - (performance.now() - arrivedMs) - this.#statistics.deliveryMs : undefined;
    try {
      const given = await (order.given?.() ?? this.#look(abortSignal, leftMs()));
      tell.given(given);
      const picture = given.frames.at(-1);
      const configured = this.#configured;
      if (configured === undefined || picture === undefined)
        throw new CommandError('NOT_ACTIVE', 'the node was cleaned up');
      const { planner, outputs } = configured;
      const origin = {
        header: given.header,
        planId: order.planId,
        picture,
        cameraInfo: order.given === undefined ? this.#cameraInfo : undefined,
        format: settings.clip_format as ClipFormat,
      };
      await eachOf(imagineOrder(planner, order, given.frames, { abortSignal, leftMs }), async (event) => {
        if (event.kind === 'step') return tell.step(event);
        const imaginedMs = performance.now();
        const messages = await Promise.all(
          event.clips.map((clip) =>
            clipMessage(clip, { ...origin, generatedAt: timeFromNs(this.#node.now()) }),
          ),
        );
        tell.clips(messages);
        this.#statistics.clips += messages.length;
        const [best, message] = [event.clips[0], messages[0]];
        if (best === undefined || message === undefined) return;
        const { framesPerSecond } = planner.video;
        outputs.clip(message, { frames: best.frames, framesPerSecond, loop: settings.preview_loop });
        this.#statistics.delivered(performance.now() - imaginedMs);
      });
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

  /** The camera's latest frame that is new enough. */
  async #look(abortSignal: AbortSignal, leftMs: number | undefined): Promise<Given> {
    const { max_image_age, command_timeout } = this.#node.settings;
    const image = await this.#images.next({
      maxAgeMs: max_image_age * 1000,
      timeoutMs: Math.max(0, Math.min(command_timeout * 1000, leftMs ?? Number.POSITIVE_INFINITY)),
      abortSignal,
    });
    const frame = 'encoding' in image ? frameFromImage(image) : await frameFromCompressedImage(image);
    return { frames: [frame], header: image.header };
  }

  #header(frameId: string): Header {
    return { stamp: timeFromNs(this.#node.now()), frame_id: frameId };
  }

  #publishDiagnostics(): void {
    const node = this.#node;
    const fullName = `${node.namespace() === '/' ? '' : node.namespace()}/${node.name()}`;
    const health = {
      fullName,
      state: node.state,
      isEnabled: this.#isEnabled,
      isBusy: this.#queue.isBusy,
      model: this.#modelInfo,
      statistics: this.#statistics,
      imagesReceived: this.#images.received,
      imageAgeMs: this.#images.ageMs,
      maxImageAgeMs: node.settings.max_image_age * 1000,
      callbackErrors: node.callbackErrors,
      nowMs: performance.now(),
    };
    this.#diagnostics.publish(diagnosticArray(health, timeFromNs(node.now())));
  }
}

function disabled(): CommandError {
  return new CommandError('DISABLED', 'the service set_enabled has switched imagining off');
}

/** Takes one event after the other. Errors: those of the events and of `take`. */
function eachOf<Event>(
  events: Observable<Event>,
  take: (event: Event) => void | Promise<void>,
): Promise<void> {
  return lastValueFrom(events.pipe(concatMap(async (event) => take(event))), { defaultValue: undefined });
}

function modelInfo(path: string, planner: VideoPlanner, loadMs: number, header: Header): ModelInfoMessage {
  const { numFrames, width, height, framesPerSecond } = planner.video;
  const { version } = JSON.parse(readFileSync(resolve(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    header,
    model_id: basename(path),
    model_path: path,
    model_sha256: planner.sha256,
    planner_version: version,
    execution_provider: planner.engine.provider,
    threads: planner.engine.threads,
    width,
    height,
    max_frames: numFrames,
    frames_per_second: framesPerSecond,
    load_time: durationFromMs(loadMs),
  };
}
