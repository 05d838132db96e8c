/**
 * A lifecycle node that survives what rclnodejs 2.2 does not: a wrong transition, an asynchronous configuration, a
 * callback that throws, a best-effort /clock.
 */

import { messageOf } from '../planner/errors.js';
import { answerAlways } from './parameter-requests.js';
import {
  coerce,
  describe,
  isParameterName,
  PARAMETERS,
  type ParameterName,
  type ParameterSpec,
  problemWith,
  refusalToChange,
  type Settings,
  truthOf,
} from './parameters.js';
import { type Parameter, ros, type ServiceResponse, type SetParametersResult } from './rclnodejs.js';
import { RecentCount } from './recent-count.js';
import type { RawValue, RosArguments } from './ros-arguments.js';

/** What a node does at each transition. A hook that throws fails its transition. */
export interface LifecycleHooks {
  /** May take long; `abortSignal` ends it when the node is to shut down. */
  configure(abortSignal: AbortSignal): Promise<void>;
  activate(): Promise<void>;
  deactivate(): Promise<void>;
  /** Also called after an error, to give back whatever is held. */
  cleanup(): Promise<void>;
}

export type TransitionName = 'configure' | 'activate' | 'deactivate' | 'cleanup' | 'shutdown';

/** lifecycle_msgs/msg/Transition: what the callback of a transition comes to. */
const CALLBACK = { success: 97, failure: 98, error: 99 } as const;
/** rcl_interfaces/msg/ParameterType. */
const TYPE = { bool: 1, integer: 2, double: 3, string: 4 } as const;

/** Messages of a drained subscription after which other callbacks have their turn. */
const DRAINED = 32;

export class ManagedNode extends ros.LifecycleNode {
  #hooks: LifecycleHooks | undefined;
  #transitions: Promise<unknown> = Promise.resolve();
  #configuring: AbortController | undefined;
  #drained = 0;
  readonly #given: readonly string[];
  /** Errors that a callback threw; they are logged and the node goes on. */
  readonly callbackErrors = new RecentCount();
  /** Why the last transition failed; undefined when it did not. */
  transitionError: string | undefined;

  constructor({ name, namespace, parameters }: RosArguments, context: object) {
    const overrides = [...parameters].map(([key, raw]) => parameterOf(key, raw));
    super(name, namespace === '/' ? '' : namespace, context, { parameterOverrides: overrides });
    this.#given = [...parameters.keys()];
    this.#listenToAnyClock();
    this.#declareParameters();
    const { fromParameterMessage } = ros.Parameter;
    answerAlways(this._parameterService, {
      set: (message) => this.setParametersAtomically([fromParameterMessage(message)]),
      setAtomically: (messages) => this.setParametersAtomically(messages.map(fromParameterMessage)),
    });
    for (const key of parameters.keys()) {
      if (!this.hasParameter(key) && !key.startsWith('qos_overrides.'))
        this.getLogger().warn(`there is no parameter ${key}; it is ignored`);
    }
  }

  /** Before the first spin. */
  setHooks(hooks: LifecycleHooks): void {
    this.#hooks = hooks;
  }

  /** Of the overrides of quality of service that were given, those that no topic has asked for. */
  get unusedQosOverrides(): readonly string[] {
    return this.#given.filter((key) => key.startsWith('qos_overrides.') && !this.hasParameter(key));
  }

  get settings(): Settings {
    const names = Object.keys(PARAMETERS) as ParameterName[];
    return Object.fromEntries(
      names.map((name) => [name, this.getParameter(name).value]),
    ) as unknown as Settings;
  }

  get state(): string {
    return this.currentState.label;
  }

  now(): bigint {
    return this.getClock().now().nanoseconds;
  }

  /**
   * Each handle by itself, so that a callback that throws is an error in the log and takes nothing with it. Of a
   * subscription that is `drained`, all that has come is taken at once: rclnodejs takes one message a turn, and every
   * turn waits for two threads, which on a busy machine lets a storm of messages wait for many seconds.
   */
  override execute(handles: readonly object[]): void {
    for (const handle of handles) {
      const end = this.#drained + DRAINED;
      let before: number;
      do {
        before = this.#drained;
        try {
          super.execute([handle]);
        } catch (error) {
          this.report('a callback', error);
        }
      } while (this.#drained > before && this.#drained < end);
    }
  }

  /** A subscription's callback, all of whose waiting messages are wanted in one turn. */
  drained<T>(callback: (message: T) => void): (message: T) => void {
    return (message) => {
      this.#drained += 1;
      callback(message);
    };
  }

  /** Runs a callback outside ROS's own in the same way. */
  guarded<Args extends readonly unknown[]>(what: string, callback: (...args: Args) => unknown) {
    return (...args: Args): void => {
      try {
        const result = callback(...args);
        if (result instanceof Promise) result.catch((error: unknown) => this.report(what, error));
      } catch (error) {
        this.report(what, error);
      }
    };
  }

  report(what: string, error: unknown): void {
    this.callbackErrors.add(performance.now());
    this.getLogger().error(
      `${what} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  /** One transition after the other. False, with the reason in the log, for one that is refused or fails. */
  change(transition: TransitionName | number): Promise<boolean> {
    if (transition === 'shutdown') this.#configuring?.abort();
    const done = this.#transitions.then(() => this.#change(transition));
    this.#transitions = done.catch(() => undefined);
    return done;
  }

  override async _onChangeState(
    { transition }: { readonly transition: { readonly id: number; readonly label: string } },
    response: ServiceResponse,
  ): Promise<void> {
    let success = false;
    try {
      success = await this.change(
        transition.label === '' ? transition.id : (transition.label as TransitionName),
      );
    } catch (error) {
      this.report('a transition', error);
    }
    response.send({ success });
  }

  async #change(wanted: TransitionName | number): Promise<boolean> {
    const logger = this.getLogger();
    const from = this.state;
    const found = this.availableTransitions.find(
      ({ transition }) => transition.id === wanted || transition.label === wanted,
    );
    if (found === undefined) {
      const possible = this.availableTransitions.map(({ transition }) => transition.label).join(', ');
      logger.warn(`transition ${wanted} refused: the node is ${from}; possible: ${possible || 'none'}`);
      return false;
    }
    const { id, label } = found.transition;
    this.transitionError = undefined;
    ros.native.triggerLifecycleTransitionById(this._stateMachineHandle, id);
    let outcome: keyof typeof CALLBACK = 'success';
    try {
      await this.#run(label as TransitionName, from);
    } catch (error) {
      this.transitionError = `${label} failed: ${messageOf(error)}`;
      logger.error(this.transitionError);
      // A configuration that fails leaves nothing behind; of anything else nobody knows.
      outcome = label === 'configure' ? 'failure' : 'error';
    }
    this.#finish(outcome);
    if (outcome === 'error') {
      try {
        await this.#hooks?.cleanup();
        this.#finish('success');
      } catch (error) {
        logger.error(`cleaning up after an error failed: ${String(error)}`);
        this.#finish('failure');
      }
    }
    if (outcome === 'success') logger.info(`${label}: ${from} -> ${this.state}`);
    return outcome === 'success';
  }

  #finish(outcome: keyof typeof CALLBACK): void {
    const label = ros.native.getLifecycleTransitionIdToLabel(CALLBACK[outcome]);
    ros.native.triggerLifecycleTransitionByLabel(this._stateMachineHandle, label);
  }

  async #run(label: TransitionName, from: string): Promise<void> {
    const hooks = this.#hooks;
    if (hooks === undefined) return;
    if (label === 'shutdown') {
      if (from === 'active') await hooks.deactivate();
      if (from !== 'unconfigured') await hooks.cleanup();
    } else if (label === 'configure') {
      this.#configuring = new AbortController();
      try {
        await hooks.configure(this.#configuring.signal);
      } catch (error) {
        await hooks.cleanup();
        throw error;
      } finally {
        this.#configuring = undefined;
      }
    } else {
      await hooks[label]();
    }
  }

  #declareParameters(): void {
    for (const name of Object.keys(PARAMETERS) as ParameterName[]) {
      const spec: ParameterSpec = PARAMETERS[name];
      const given = this._parameterOverrides.get(name);
      // The check of types and ranges is made here, where it gives its reason.
      const value = given === undefined ? spec.value : coerce(name, given.value);
      const problem = problemWith(name, value);
      if (problem !== undefined) throw new Error(`parameter ${problem}`);
      const range =
        spec.type === 'integer'
          ? new ros.IntegerRange(spec.range[0], spec.range[1], 0n)
          : spec.type === 'double'
            ? new ros.FloatingPointRange(spec.range[0], spec.range[1], 0)
            : null;
      const readOnly = spec.changeable === 'start';
      const type = TYPE[spec.type];
      const descriptor = new ros.ParameterDescriptor(name, type, describe(name), readOnly, range);
      // rclnodejs leaves the range out of what describe_parameters answers.
      const message = { ...descriptor.toMessage(), ...rangeMessage(spec) };
      descriptor.toMessage = () => message;
      (this._parameterOverrides as Map<string, Parameter>).delete(name);
      this.declareParameter(new ros.Parameter(name, type, value), descriptor);
    }
  }

  /** Its own reading takes the parameters of every node of this name, in whatever namespace. */
  override _getNativeParameterOverrides(): Map<string, Parameter> {
    return new Map();
  }

  /** rclnodejs's own reasons are hard to read, so ours come first. */
  override _validateParameters(parameters: readonly Parameter[], declaring = false): SetParametersResult {
    for (const { name, value } of declaring ? [] : parameters) {
      if (!isParameterName(name)) {
        if (!this.hasParameter(name)) return refused(`there is no parameter ${name}`);
        if (name.startsWith('qos_overrides.')) return refused(`${name} can be given at the start only`);
        if (value === undefined || value === null) return refused(`${name} cannot be taken away`);
        continue;
      }
      const reason = refusalToChange(name, this.state) ?? problemWith(name, value);
      if (reason !== undefined) return refused(reason);
    }
    return super._validateParameters(parameters, declaring);
  }

  /** rclnodejs asks for a reliable /clock, which a bag being played or a simulator need not be. */
  #listenToAnyClock(): void {
    const source = this._timeSource;
    const { QoS } = ros;
    const { RMW_QOS_POLICY_HISTORY_KEEP_LAST: keepLast = 1 } = QoS.HistoryPolicy;
    const { RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT: bestEffort = 2 } = QoS.ReliabilityPolicy;
    const { RMW_QOS_POLICY_DURABILITY_VOLATILE: volatile = 2 } = QoS.DurabilityPolicy;
    source._subscribeToClockTopic = () => {
      source._clockSubscription ??= this.createSubscription(
        'rosgraph_msgs/msg/Clock',
        '/clock',
        { qos: new QoS(keepLast, 1, bestEffort, volatile) },
        (message: object) => source._clockCallback(message),
      );
    };
    if (source._clockSubscription !== undefined) {
      this.destroySubscription(source._clockSubscription);
      source._clockSubscription = undefined;
      source._subscribeToClockTopic();
    }
  }
}

function rangeMessage(spec: ParameterSpec): object {
  if (spec.type !== 'integer' && spec.type !== 'double') return {};
  const [from_value, to_value] = spec.range;
  return spec.type === 'integer'
    ? { integer_range: [{ from_value, to_value, step: 0n }] }
    : { floating_point_range: [{ from_value, to_value, step: 0 }] };
}

function refused(reason: string): SetParametersResult {
  return { successful: false, reason };
}

function parameterOf(name: string, raw: RawValue): Parameter {
  // use_sim_time is rclnodejs's own.
  const value = isParameterName(name) ? coerce(name, raw) : name === 'use_sim_time' ? truthOf(raw) : raw;
  const element = Array.isArray(value) ? value[0] : value;
  const type = { boolean: 1, bigint: 2, number: 3, string: 4 }[typeof element as string] ?? 4;
  // rcl_interfaces/msg/ParameterType has its lists five after its values.
  const list = { 1: 6, 2: 7, 3: 8, 4: 9 }[type] ?? 9;
  return new ros.Parameter(name, Array.isArray(value) ? list : type, value as Parameter['value']);
}
