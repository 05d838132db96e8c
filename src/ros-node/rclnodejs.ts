/**
 * rclnodejs, loaded with care: left to itself it compiles for minutes where its addon does not load, and its types
 * depend on files that it generates. What is used of it is declared here.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AidError } from '../planner/errors.js';
import { outdatedMessages } from './built-messages.js';

export type Message = object;

export interface Publisher {
  publish(message: Message): void;
  /** Blocks until all that was published has arrived, or for so long. */
  waitForAllAcked(timeoutNs: bigint): boolean;
  readonly subscriptionCount: number;
}
export type Subscription = object;
export type Service = object;
export type Qos = object;
export interface ServiceResponse {
  send(response: Message): void;
}
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
export interface Clock {
  now(): { readonly nanoseconds: bigint };
}

export type ParameterValue =
  | string
  | boolean
  | number
  | bigint
  | readonly (string | number | bigint | boolean)[];
export interface Parameter {
  readonly name: string;
  readonly type: number;
  readonly value: ParameterValue;
}
/** rcl_interfaces/msg/Parameter, of which the value is none of ours. */
export interface ParameterMessage {
  readonly name: string;
}
export interface ParameterDescriptor {
  toMessage(): object;
}
export interface SetParametersResult {
  successful: boolean;
  reason: string;
}

/** Its inner methods, which answer requests. */
export interface ParameterService {
  _handleSetParameters(
    request: { readonly parameters: readonly ParameterMessage[] },
    response: ServiceResponse,
  ): void;
  _handleSetParametersAtomically: ParameterService['_handleSetParameters'];
  _handleGetParameters(request: { readonly names: readonly string[] }, response: ServiceResponse): void;
  _handleDescribeParameters: ParameterService['_handleGetParameters'];
}

/** The class of a message as rclnodejs generates it. */
export interface MessageClass {
  /** `toRawROS` gives the memory of an empty message of C, which is there as long as the object is. */
  new (): { toRawROS(): Buffer };
  type(): { readonly pkgName: string; readonly subFolder: string; readonly interfaceName: string };
}

export interface GoalHandle {
  readonly goalId: { readonly uuid: Uint8Array };
  /** action_msgs/msg/GoalStatus */
  readonly status: number;
  readonly isActive: boolean;
  readonly isCancelRequested: boolean;
  readonly _deferred: { setResult(response: object): void };
  execute(callback: () => Promise<Message>): void;
  publishFeedback(feedback: Message): void;
  succeed(): void;
  abort(): void;
  canceled(): void;
}
export interface ActionServer {
  readonly handle: object;
  readonly typeClass: { readonly impl: { readonly GetResultService: { readonly Response: MessageClass } } };
  isDestroyed(): boolean;
  _executeGoal(callback: () => Promise<Message>, handle: GoalHandle): Promise<void>;
  _sendResultResponse(header: object, response: object): void;
}
export interface ActionServerConstructor {
  new <Goal>(
    node: LifecycleNode,
    typeClass: string,
    actionName: string,
    execute: () => Promise<Message>,
    goalCallback: (goal: Goal) => number,
    handleAccepted: (handle: GoalHandle) => void,
    cancelCallback: (handle: GoalHandle) => number,
    options?: {
      readonly resultTimeout?: number;
      readonly qos?: {
        readonly goalServiceQosProfile?: Qos;
        readonly resultServiceQosProfile?: Qos;
        readonly cancelServiceQosProfile?: Qos;
      };
    },
  ): ActionServer;
}

export interface LifecycleState {
  readonly id: number;
  readonly label: string;
}
export interface NodeOptions {
  readonly parameterOverrides?: readonly Parameter[];
}
export interface PublisherOptions {
  readonly qos?: Qos | string;
  readonly qosOverridingOptions?: object;
}
export interface EventCallbacks {
  incompatibleQos: ((info: { readonly last_policy_kind: number }) => void) | null;
  messageLost?: ((info: { readonly total_count_change: number }) => void) | null;
}

/** What the node needs of rclnodejs.LifecycleNode; names with an underscore are its inner ones, of version 2.2. */
export interface LifecycleNode {
  readonly currentState: LifecycleState;
  readonly availableTransitions: readonly {
    readonly transition: LifecycleState;
  }[];
  readonly _stateMachineHandle: object;
  readonly _timeSource: {
    _clockSubscription: Subscription | undefined;
    _subscribeToClockTopic(): void;
    _clockCallback(message: Message): void;
  };
  readonly _parameterOverrides: ReadonlyMap<string, Parameter>;
  readonly _parameterService: ParameterService;
  name(): string;
  namespace(): string;
  getLogger(): Logger;
  getClock(): Clock;
  execute(handles: readonly object[]): void;
  spin(timeoutMs?: number): void;
  stop(): void;
  destroy(): void;
  createPublisher(
    type: string,
    topic: string,
    options?: PublisherOptions,
    events?: EventCallbacks,
  ): Publisher;
  destroyPublisher(publisher: Publisher): void;
  createSubscription<T extends Message>(
    type: string,
    topic: string,
    options: PublisherOptions,
    callback: (message: T) => void,
    events?: EventCallbacks,
  ): Subscription;
  destroySubscription(subscription: Subscription): void;
  createService<Request extends Message>(
    type: string,
    name: string,
    callback: (request: Request, response: ServiceResponse) => void,
  ): Service;
  destroyService(service: Service): void;
  createTimer(periodNs: bigint, callback: () => void): object;
  declareParameter(parameter: Parameter, descriptor: ParameterDescriptor): Parameter;
  getParameter(name: string): Parameter;
  hasParameter(name: string): boolean;
  setParametersAtomically(parameters: readonly Parameter[]): SetParametersResult;
  resolveTopicName(topic: string): string;
  _onChangeState(
    request: { readonly transition: LifecycleState },
    response: ServiceResponse,
  ): void | Promise<void>;
  _validateParameters(parameters: readonly Parameter[], declaring?: boolean): SetParametersResult;
  _getNativeParameterOverrides(): Map<string, Parameter>;
}

export interface Ros {
  readonly LifecycleNode: new (
    name: string,
    namespace: string,
    context: object,
    options: NodeOptions,
  ) => LifecycleNode;
  readonly ActionServer: ActionServerConstructor;
  readonly GoalResponse: { readonly ACCEPT: number; readonly REJECT: number };
  readonly CancelResponse: { readonly ACCEPT: number; readonly REJECT: number };
  readonly Parameter: {
    new (name: string, type: number, value: ParameterValue): Parameter;
    /** Errors: for a message without a name, or whose value is not of its type. */
    fromParameterMessage(message: ParameterMessage): Parameter;
  };
  readonly ParameterDescriptor: new (
    name: string,
    type: number,
    description: string,
    readOnly: boolean,
    range: object | null,
  ) => ParameterDescriptor;
  readonly FloatingPointRange: new (from: number, to: number, step: number) => object;
  readonly IntegerRange: new (from: bigint, to: bigint, step: bigint) => object;
  readonly QoS: {
    new (history: number, depth: number, reliability: number, durability: number): Qos;
    readonly HistoryPolicy: Readonly<Record<string, number>>;
    readonly ReliabilityPolicy: Readonly<Record<string, number>>;
    readonly DurabilityPolicy: Readonly<Record<string, number>>;
  };
  readonly QoSOverridingOptions: { withDefaultPolicies(): object };
  readonly SubscriptionEventCallbacks: new () => EventCallbacks;
  readonly PublisherEventCallbacks: new () => EventCallbacks;
  readonly Context: { defaultContext(): { readonly handle: object; shutdown(): void } };
  readonly native: {
    triggerLifecycleTransitionById(machine: object, id: number): LifecycleState | undefined;
    triggerLifecycleTransitionByLabel(machine: object, label: string): LifecycleState | undefined;
    getLifecycleTransitionIdToLabel(id: number): string;
    /** Fills a message of C from CDR; what it held before is freed. */
    deserialize(
      packageName: string,
      subFolder: string,
      interfaceName: string,
      cdr: Buffer,
      message: Buffer,
    ): void;
    /** `message` is in memory of C. */
    actionSendResultResponse(server: object, requestHeader: object, message: Buffer): void;
  };
  init(context: object, argv: readonly string[]): Promise<void>;
  removeSignalHandlers(): void;
}

/** Errors: `ros-unavailable`, when ROS 2 is not sourced or rclnodejs was not built for it. */
async function loadRos(): Promise<Ros> {
  const { ROS_DISTRO, AMENT_PREFIX_PATH } = process.env;
  if (!ROS_DISTRO || !AMENT_PREFIX_PATH)
    throw unavailable('no ROS 2 is sourced (ROS_DISTRO and AMENT_PREFIX_PATH are not set)');
  const require = createRequire(import.meta.url);
  let folder: string;
  try {
    folder = dirname(require.resolve('rclnodejs/package.json'));
  } catch (cause) {
    throw unavailable('the optional package rclnodejs is not installed', cause);
  }
  const built = join(folder, 'build', 'Release', 'rclnodejs.node');
  const addon = existsSync(built) ? built : await prebuiltAddon(folder, ROS_DISTRO);
  if (addon === undefined) throw unavailable(`rclnodejs was not built for ROS 2 ${ROS_DISTRO}`);
  try {
    require(addon);
  } catch (cause) {
    throw unavailable(`rclnodejs does not load: ${(cause as Error).message.split('\n', 1)[0]}`, cause);
  }
  if (!existsSync(join(folder, 'generated', 'aid_msgs')))
    throw unavailable('rclnodejs has no aid_msgs: build msgs/ with colcon, source it, generate the messages');
  const [outdated] = outdatedMessages(AMENT_PREFIX_PATH);
  if (outdated !== undefined)
    throw unavailable(`aid_msgs was built from another ${outdated}: build msgs/ with colcon again`);
  // Its inner modules and its bundle are two different copies; only the inner ones have all that is needed.
  const module = async (name: string): Promise<Record<string, unknown>> =>
    (await import(pathToFileURL(join(folder, name)).href)) as Record<string, unknown>;
  const rcl = (await module('index.js')).default as object;
  const { LifecycleNode } = (await module('lib/lifecycle.js')).default as object as Record<string, unknown>;
  const { SubscriptionEventCallbacks, PublisherEventCallbacks } = await module('lib/event_handler.js');
  const native = (await module('lib/native_loader.js')).default;
  const own = { LifecycleNode, SubscriptionEventCallbacks, PublisherEventCallbacks, native };
  return Object.assign(Object.create(rcl) as object, own) as Ros;
}

async function prebuiltAddon(folder: string, rosDistro: string): Promise<string | undefined> {
  const inner = (name: string) => import(pathToFileURL(join(folder, 'lib', name)).href) as Promise<unknown>;
  const prebuilds = (await inner('prebuilds.js')) as {
    detectPrebuildRuntime(): string;
    getTaggedPrebuildFilename(options: object): string;
  };
  const utils = (await inner('utils.js')) as { detectUbuntuCodename(): string | null };
  const ubuntuCodename = utils.detectUbuntuCodename();
  if (ubuntuCodename === null) return undefined;
  const runtime = prebuilds.detectPrebuildRuntime();
  const name = prebuilds.getTaggedPrebuildFilename({
    rosDistro,
    ubuntuCodename,
    arch: process.arch,
    runtime,
  });
  const path = join(folder, 'prebuilds', `${process.platform}-${process.arch}`, name);
  return existsSync(path) ? path : undefined;
}

function unavailable(reason: string, cause?: unknown): AidError {
  return new AidError(
    'ros-unavailable',
    `aid-planner/ros: ${reason}. It needs ROS 2 (Jazzy or newer) sourced in the shell and rclnodejs built for it: ` +
      'node scripts/set-up-ros.mjs in a checkout of aid-planner does that, and makes a private ROS 2 where there ' +
      'is none. The rest of aid-planner works without',
    { cause },
  );
}

export const ros: Ros = await loadRos();
