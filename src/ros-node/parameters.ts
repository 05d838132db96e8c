/** Every parameter of the node: what it means, its range, when it can change. Pure; the node declares them. */
import { AidError } from '../sdk/index.js';
import type { RawValue } from './ros-arguments.js';

/** `always` at run time; `unconfigured` before the node is configured; `inactive` while it is not active; `start` only when it is started. */
export type Changeable = 'always' | 'inactive' | 'unconfigured' | 'start';

interface Common {
  readonly description: string;
  readonly changeable: Changeable;
}
export type ParameterSpec =
  | (Common & { readonly type: 'string'; readonly value: string; readonly choices?: readonly string[] })
  | (Common & { readonly type: 'bool'; readonly value: boolean })
  | (Common & { readonly type: 'integer'; readonly value: bigint; readonly range: readonly [bigint, bigint] })
  | (Common & { readonly type: 'double'; readonly value: number; readonly range: readonly [number, number] });

const MAX_SEED = BigInt(Number.MAX_SAFE_INTEGER);

export const PARAMETERS = {
  model: {
    type: 'string',
    value: '',
    description: 'Model folder; empty: the model that comes with the package.',
    changeable: 'unconfigured',
  },
  provider: {
    type: 'string',
    value: 'auto',
    choices: ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'],
    description: 'What computes; auto: the fastest that works here.',
    changeable: 'unconfigured',
  },
  threads: {
    type: 'integer',
    value: 0n,
    range: [0n, 1024n],
    description: 'Threads of the provider cpu; 0: all cores.',
    changeable: 'unconfigured',
  },
  warm_up: {
    type: 'bool',
    value: true,
    description:
      'Whether configuring includes two small clips, so that the first command is not slower and deadlines can be kept.',
    changeable: 'unconfigured',
  },
  image_transport: {
    type: 'string',
    value: 'raw',
    choices: ['raw', 'compressed'],
    description:
      'raw: sensor_msgs/Image on image; compressed: sensor_msgs/CompressedImage on image/compressed.',
    changeable: 'inactive',
  },
  max_image_age: {
    type: 'double',
    value: 1,
    range: [0, 3600],
    description:
      'The oldest camera frame that a clip may start from, seconds between its stamp and now; 0: any age.',
    changeable: 'always',
  },
  command_timeout: {
    type: 'double',
    value: 5,
    range: [0, 3600],
    description: 'How long a command waits for a camera frame that is new enough, seconds.',
    changeable: 'always',
  },
  on_new_command: {
    type: 'string',
    value: 'preempt',
    choices: ['preempt', 'finish'],
    description:
      'What a command on the topic does to the clip being imagined: preempt ends it, finish waits for its end. ' +
      'Goals of the action always preempt.',
    changeable: 'always',
  },
  deadline: {
    type: 'double',
    value: 0,
    range: [0, 3600],
    description:
      'Time from the arrival of a command on the topic within which its clip has to be there, seconds; 0: none.',
    changeable: 'always',
  },
  preset: {
    type: 'string',
    value: '',
    description: "A named set of the model's sampling settings, such as fast; empty: the model's own.",
    changeable: 'always',
  },
  num_inference_steps: {
    type: 'integer',
    value: 0n,
    range: [0n, 1000n],
    description: "Denoising steps of commands on the topic; 0: the preset's.",
    changeable: 'always',
  },
  num_frames: {
    type: 'integer',
    value: 0n,
    range: [0n, 1000n],
    description: "Frames of a clip of commands on the topic; 0: the model's own number.",
    changeable: 'always',
  },
  frame_guidance: {
    type: 'double',
    value: 0,
    range: [0, 100],
    description: "How much the frame counts for commands on the topic, no unit; 0: the preset's.",
    changeable: 'always',
  },
  text_guidance: {
    type: 'double',
    value: 0,
    range: [0, 100],
    description: "How much the instruction counts for commands on the topic, no unit; 0: the preset's.",
    changeable: 'always',
  },
  seed: {
    type: 'integer',
    value: -1n,
    range: [-1n, MAX_SEED],
    description: 'Seed of commands on the topic; -1: drawn for each.',
    changeable: 'always',
  },
  clip_format: {
    type: 'string',
    value: 'rgb8',
    choices: ['rgb8', 'png', 'jpeg', 'webp'],
    description: 'How a clip holds its frames: rgb8 in frames, the others as files in compressed_frames.',
    changeable: 'always',
  },
  preview_loop: {
    type: 'bool',
    value: true,
    description: 'Whether preview shows the last clip over and over, or once.',
    changeable: 'always',
  },
  'states.endpoint': {
    type: 'string',
    value: '',
    description:
      'OpenAI-compatible endpoint of a multimodal model that looks at the frame and writes the states, such as ' +
      'http://localhost:11434/v1; its key, where it wants one, is the environment variable AID_STATE_API_KEY. Empty: ' +
      'a template writes them from the command.',
    changeable: 'start',
  },
  'states.model': {
    type: 'string',
    value: 'llava',
    description: 'Name of the multimodal model at states.endpoint.',
    changeable: 'start',
  },
  'states.fallback': {
    type: 'string',
    value: 'template',
    choices: ['template', 'error'],
    description:
      'What becomes of a command for which the multimodal model writes no states: the template writes them and the ' +
      'clip has a warning, or the command fails.',
    changeable: 'start',
  },
  autostart: {
    type: 'bool',
    value: false,
    description: 'Whether the node configures and activates itself.',
    changeable: 'start',
  },
  result_timeout: {
    type: 'double',
    value: 30,
    range: [1, 3600],
    description: 'How long the result of a finished goal is kept for its client, seconds.',
    changeable: 'start',
  },
  diagnostics_period: {
    type: 'double',
    value: 1,
    range: [0.1, 60],
    description: 'Time between two messages on /diagnostics, seconds.',
    changeable: 'start',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

export type ParameterName = keyof typeof PARAMETERS;
type ValueOf<Spec> = Spec extends { type: 'string' }
  ? string
  : Spec extends { type: 'bool' }
    ? boolean
    : Spec extends { type: 'integer' }
      ? bigint
      : number;
export type Settings = { readonly [Name in ParameterName]: ValueOf<(typeof PARAMETERS)[Name]> };

export function isParameterName(name: string): name is ParameterName {
  return Object.hasOwn(PARAMETERS, name);
}

const WHEN: Readonly<Record<Changeable, string>> = {
  always: 'Can change at run time.',
  inactive: 'Can change while the node is not active.',
  unconfigured: 'Can change while the node is unconfigured.',
  start: 'Can be given at the start only.',
};

/** The description that others read over the parameter services. */
export function describe(name: ParameterName): string {
  const spec: ParameterSpec = PARAMETERS[name];
  const choices = spec.type === 'string' && spec.choices ? ` One of ${spec.choices.join(', ')}.` : '';
  return `${spec.description}${choices} ${WHEN[spec.changeable]}`;
}

/** A text that is a truth value in the YAML 1.1 of ROS; anything else as it is. */
export function truthOf(value: RawValue): RawValue {
  if (typeof value !== 'string') return value;
  if (/^(y|yes|on|true)$/i.test(value)) return true;
  return /^(n|no|off|false)$/i.test(value) ? false : value;
}

/**
 * The value as the parameter's type has it: whole numbers become doubles, `yes` and `off` truth values, where one is
 * declared. Errors: `invalid-config`.
 */
export function coerce(name: ParameterName, raw: RawValue): string | boolean | bigint | number {
  const { type } = PARAMETERS[name];
  const value = type === 'bool' ? truthOf(raw) : raw;
  if (type === 'double' && typeof value === 'bigint') return Number(value);
  const found = typeof value === 'number' ? 'double' : typeof value === 'bigint' ? 'integer' : typeof value;
  const wanted = type === 'bool' ? 'boolean' : type;
  // A model folder that is called 7, or a preset called on.
  if (type === 'string' && typeof value !== 'object') return String(value);
  if (found !== wanted || typeof value === 'object')
    throw new AidError('invalid-config', `parameter ${name}: expected ${type}, got ${String(value)}`);
  return value;
}

/** Why a value cannot be, or undefined when it can. */
export function problemWith(name: ParameterName, value: unknown): string | undefined {
  const spec: ParameterSpec = PARAMETERS[name];
  const isType = { string: 'string', bool: 'boolean', integer: 'bigint', double: 'number' }[spec.type];
  if (typeof value !== isType)
    return `${name}: expected ${spec.type === 'bool' ? 'a bool' : spec.type === 'integer' ? 'an integer' : `a ${spec.type}`}`;
  if (spec.type === 'string' && spec.choices !== undefined && !spec.choices.includes(value as string))
    return `${name}: expected one of ${spec.choices.join(', ')}, got ${String(value)}`;
  if (spec.type === 'integer' || spec.type === 'double') {
    const [low, high] = spec.range;
    const number = value as number | bigint;
    if (!(number >= low && number <= high))
      return `${name}: expected ${low} to ${high}, got ${String(value)}`;
  }
  return undefined;
}

/** Why a parameter cannot change in a lifecycle state, or undefined when it can. */
export function refusalToChange(name: ParameterName, state: string): string | undefined {
  const { changeable } = PARAMETERS[name] as ParameterSpec;
  if (changeable === 'start') return `${name} can be given at the start only`;
  if (changeable === 'unconfigured' && state !== 'unconfigured')
    return `${name} can change while the node is unconfigured only; it is ${state}: deactivate and clean it up first`;
  if (changeable === 'inactive' && state !== 'unconfigured' && state !== 'inactive')
    return `${name} can change while the node is not active only; it is ${state}: deactivate it first`;
  return undefined;
}
