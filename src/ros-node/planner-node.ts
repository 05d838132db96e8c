/** The planner as a ROS 2 node: what happens at each transition. */
import { resolve } from 'node:path';
import { type ChosenProvider, VideoPlanner } from '../sdk/index.js';
import type {
  CameraInfoMessage,
  CompressedImageMessage,
  ImageMessage,
  StringMessage,
} from '../sdk/messages/messages.js';
import { timeFromNs } from '../sdk/messages/time.js';
import { publishDiagnostics } from './diagnostics-topic.js';
import { CommandError } from './error-codes.js';
import { GoalServer } from './goal-server.js';
import type { LifecycleHooks, ManagedNode } from './managed-node.js';
import { DEFAULT_MODEL, modelInfo } from './model-info.js';
import { orderOfCommand } from './order.js';
import { OrderRunner } from './order-runner.js';
import { Outputs } from './outputs.js';
import { reportIncompatible, topicOptions } from './quality-of-service.js';
import { ros } from './rclnodejs.js';
import { createServices } from './services.js';
import { statePrompterOf } from './state-prompter.js';
import { Teardown } from './teardown.js';
import { TopicCommands } from './topic-commands.js';
import { TOPICS, type TopicName } from './topics.js';
import { Work } from './work.js';

/** Bytes of a clip's message beside its pixels, about. */
const MESSAGE_REST = 1 << 16;

export class PlannerNode implements LifecycleHooks {
  readonly #node: ManagedNode;
  readonly #work: Work;
  readonly #commands: TopicCommands;
  /** What configure made, and what activate made. */
  readonly #configured = new Teardown();
  readonly #activated = new Teardown();

  constructor(node: ManagedNode) {
    this.#node = node;
    this.#work = new Work(node);
    this.#commands = new TopicCommands(node, this.#work);
    publishDiagnostics(node, this.#work);
    new GoalServer(node, this.#work);
    node.setHooks(this);
  }

  async configure(abortSignal: AbortSignal): Promise<void> {
    const [node, work, undo] = [this.#node, this.#work, this.#configured];
    const { settings } = node;
    const { provider, threads } = settings;
    const path = settings.model === '' ? DEFAULT_MODEL : resolve(settings.model);
    const started = performance.now();
    node.getLogger().info(`loading ${path}`);
    work.statistics.forgetFailures();
    node.callbackErrors.forget();
    const statePrompter = statePrompterOf(settings);
    const planner = await VideoPlanner.load(path, {
      provider: provider as ChosenProvider,
      ...(threads === 0n ? {} : { threads: Number(threads) }),
      ...(statePrompter === undefined ? {} : { statePrompter }),
      abortSignal,
    });
    undo.add(() => planner.dispose());
    if (settings.warm_up) {
      const { sampling } = orderOfCommand('warm up', settings, started);
      const last = (sampling.numFrames ?? planner.video.numFrames) - 1;
      await planner.warmUp({ ...sampling, previewFrames: [last], abortSignal });
    }
    const loadMs = performance.now() - started;
    const { numFrames, width, height } = planner.video;
    undo.add(() => work.memory.free());
    await work.memory.reserve(numFrames * width * height * 3 + MESSAGE_REST);
    const outputs = new Outputs(node, work.memory, undo);
    const { camera, statistics } = work;
    const orders = new OrderRunner(node, { planner, camera, outputs, statistics });
    createServices(node, work, undo);
    const model = modelInfo(path, planner, loadMs, { stamp: timeFromNs(node.now()), frame_id: '' });
    outputs.modelInfo(model);
    work.loaded = { model, outputs, orders };
    undo.add(() => {
      work.loaded = undefined;
    });
    const { provider: chosen, threads: used } = planner.engine;
    node
      .getLogger()
      .info(`loaded ${path} in ${(loadMs / 1000).toFixed(1)} s; computing on ${chosen}, ${used} threads`);
  }

  async activate(): Promise<void> {
    const [node, work, undo] = [this.#node, this.#work, this.#activated];
    const { image_transport: transport } = node.settings;
    undo.add(() => work.camera.forget());
    undo.add(() => work.loaded?.outputs.stopPlaying());
    undo.add(() => work.queue.endAll(new CommandError('NOT_ACTIVE', 'the node was deactivated')));
    this.#subscribe<ImageMessage | CompressedImageMessage>(
      transport === 'raw' ? 'image' : 'image/compressed',
      (image) => work.camera.put(image),
    );
    this.#subscribe<CameraInfoMessage>('camera_info', (info) => {
      work.camera.info = info;
    });
    this.#subscribe<StringMessage>(
      'instruction',
      node.drained(({ data }) => this.#commands.take(data)),
    );
    for (const key of node.unusedQosOverrides)
      node.getLogger().warn(`${key} fits no topic of this node, after remaps; it is ignored`);
    work.isActive = true;
    undo.add(() => {
      work.isActive = false;
    });
  }

  deactivate(): Promise<void> {
    return this.#activated.run();
  }

  async cleanup(): Promise<void> {
    try {
      await this.#activated.run();
    } finally {
      await this.#configured.run();
    }
  }

  #subscribe<T extends object>(topic: TopicName, callback: (message: T) => void): void {
    const node = this.#node;
    const events = reportIncompatible(node, topic, new ros.SubscriptionEventCallbacks());
    if (topic === 'instruction') {
      events.messageLost = ({ total_count_change: lost }) => {
        this.#work.statistics.lost.add(performance.now(), lost);
        node.getLogger().error(`${lost} commands were lost before they came here`);
      };
    }
    const { type } = TOPICS[topic];
    const subscription = node.createSubscription<T>(type, topic, topicOptions(topic), callback, events);
    this.#activated.add(() => node.destroySubscription(subscription));
  }
}
