/** The planner as a ROS 2 node: what happens at each transition, and to each command. */
import { resolve } from 'node:path';
import { type ChosenProvider, VideoPlanner } from '../sdk/index.js';
import { imageFromFrame, NO_HEADER, NO_IMAGE } from '../sdk/messages/images.js';
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
import { Camera } from './camera.js';
import { CommandQueue } from './command-queue.js';
import { diagnosticArray } from './diagnostics.js';
import { CommandError, ERROR_CODE } from './error-codes.js';
import { GoalServer } from './goal-server.js';
import type { LifecycleHooks, ManagedNode } from './managed-node.js';
import { DEFAULT_MODEL, modelInfo } from './model-info.js';
import { type Order, orderOfCommand, orderOfGoal, randomPlanId } from './order.js';
import { OrderRunner } from './order-runner.js';
import { Outputs } from './outputs.js';
import { reportIncompatible, topicOptions } from './quality-of-service.js';
import { type Publisher, ros, type Service, type ServiceResponse, type Subscription } from './rclnodejs.js';
import { Statistics } from './statistics.js';
import { TOPICS, type TopicName } from './topics.js';

/** What is there from configure to cleanup. */
interface Configured {
  readonly planner: VideoPlanner;
  readonly outputs: Outputs;
  readonly orders: OrderRunner;
  readonly goals: GoalServer;
  readonly services: readonly Service[];
}

export class PlannerNode implements LifecycleHooks {
  readonly #node: ManagedNode;
  readonly #queue: CommandQueue;
  readonly #statistics = new Statistics();
  readonly #camera: Camera;
  readonly #diagnostics: Publisher;
  #configured: Configured | undefined;
  #modelInfo: ModelInfoMessage | undefined;
  #subscriptions: Subscription[] = [];
  #isActive = false;
  #isEnabled = true;

  constructor(node: ManagedNode) {
    this.#node = node;
    this.#queue = new CommandQueue((error) => node.report('a command', error));
    this.#camera = new Camera(node);
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
    const path = model === '' ? DEFAULT_MODEL : resolve(model);
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
    const orders = new OrderRunner(node, {
      planner,
      camera: this.#camera,
      outputs,
      statistics: this.#statistics,
    });
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
    this.#configured = { planner, outputs, orders, goals, services: this.#createServices() };
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
      (image) => this.#camera.put(image),
    );
    this.#subscribe<CameraInfoMessage>('camera_info', (info) => {
      this.#camera.info = info;
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
    this.#camera.forget();
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
          if (forget_image) this.#camera.forgetImage();
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
          let failure: CommandError | undefined;
          try {
            await this.#orders.run(accepted, abortSignal, {
              given: (given) => {
                header = given.header;
              },
              step: ({ preview }) => {
                if (preview !== undefined) this.#configured?.outputs.goalPreview(preview, header);
              },
              clips: () => undefined,
            });
          } catch (error) {
            failure = CommandError.from(error);
          }
          end(failure);
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
    await this.#orders.run(order, abortSignal, {
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

  /** Errors: CommandError `NOT_ACTIVE`. */
  get #orders(): OrderRunner {
    if (this.#configured === undefined) throw new CommandError('NOT_ACTIVE', 'the node was cleaned up');
    return this.#configured.orders;
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
      imagesReceived: this.#camera.received,
      imageAgeMs: this.#camera.ageMs,
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
