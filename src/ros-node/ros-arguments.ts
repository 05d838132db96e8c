/**
 * What the command line says about this node: its name and its parameters. rclnodejs by itself drops the parameters
 * of a node that is named with its namespace, which is how launch files name it.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { AidError } from '../sdk/index.js';

export type RawValue = string | boolean | number | bigint | readonly (string | boolean | number | bigint)[];

export interface RosArguments {
  readonly name: string;
  /** With a slash at its start. */
  readonly namespace: string;
  /** The node's full name. */
  readonly fullName: string;
  /** Parameters meant for this node, by name; later ones of the command line count more. */
  readonly parameters: ReadonlyMap<string, RawValue>;
}

/** `args` is what follows the program's name. Errors: `invalid-config` for a parameter file that cannot be used. */
export function parseRosArguments(args: readonly string[], defaultName: string): RosArguments {
  const words = rosWords(args);
  let [name, namespace] = [defaultName, '/'];
  for (const [flag, value] of words) {
    if (flag !== 'remap') continue;
    const [, node, which, to] = /^(?:([A-Za-z0-9_]+):)?(__ns|__node|__name):=(.+)$/.exec(value) ?? [];
    if (which === undefined || to === undefined || (node !== undefined && node !== defaultName)) continue;
    if (which === '__ns') namespace = to;
    else name = to;
  }
  if (!namespace.startsWith('/')) namespace = `/${namespace}`;
  const fullName = `${namespace === '/' ? '' : namespace}/${name}`;
  const parameters = new Map<string, RawValue>();
  for (const [flag, value] of words) {
    if (flag === 'params-file') {
      for (const [key, each] of readParameterFile(value, fullName)) parameters.set(key, each);
    } else if (flag === 'param') {
      const [, node, key, text] = /^(?:([^:]+):)?([^:]+):=([\s\S]*)$/.exec(value) ?? [];
      if (key === undefined || text === undefined) continue;
      if (node === undefined || namesNode(node, fullName) || node === name)
        parameters.set(key, rawValue(parse(text, { intAsBigInt: true }) ?? '', `-p ${key}`));
    }
  }
  return { name, namespace, fullName, parameters };
}

/** The words between `--ros-args` and `--`, each flag with its value. */
function rosWords(args: readonly string[]): [flag: 'remap' | 'param' | 'params-file', value: string][] {
  const names = {
    '-r': 'remap',
    '--remap': 'remap',
    '-p': 'param',
    '--param': 'param',
    '--params-file': 'params-file',
  } as const;
  const words: [flag: 'remap' | 'param' | 'params-file', value: string][] = [];
  let ros = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word === '--ros-args') ros = true;
    else if (word === '--') ros = false;
    else if (ros && Object.hasOwn(names, word) && args[i + 1] !== undefined) {
      words.push([names[word as keyof typeof names], args[i + 1] as string]);
      i += 1;
    }
  }
  return words;
}

function readParameterFile(path: string, fullName: string): [string, RawValue][] {
  let document: unknown;
  try {
    document = parse(readFileSync(path, 'utf8'), { intAsBigInt: true, merge: true });
  } catch (cause) {
    // The first line says what is wrong, those below show it.
    const [reason = ''] = (cause as Error).message.split(/:?\n/, 1);
    throw new AidError('invalid-config', `${path}: not a parameter file: ${reason}`, { cause });
  }
  return sections(document, '', path)
    .filter(({ node }) => namesNode(node, fullName))
    .flatMap(({ parameters }) => flatten(parameters, '', path));
}

/** Every `ros__parameters` of a file, with the node name or pattern above it. */
function sections(value: unknown, node: string, path: string): { node: string; parameters: unknown }[] {
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, below]) =>
    key === 'ros__parameters'
      ? [{ node, parameters: below }]
      : sections(below, `${node}/${key.replace(/^\//, '')}`, path),
  );
}

/** As rcl matches them: `*` is one part of the name, `**` any number of them. */
function namesNode(pattern: string, fullName: string): boolean {
  const full = pattern.startsWith('/') ? pattern : `/${pattern}`;
  const regex = full
    .split('/')
    .slice(1)
    .map((part) => (part === '**' ? '(/\\w+)*' : part === '*' ? '/\\w+' : `/${part.replace(/\W/g, '\\$&')}`))
    .join('');
  return new RegExp(`^${regex}$`).test(fullName);
}

function flatten(value: unknown, prefix: string, path: string): [string, RawValue][] {
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    return isMap(below) ? flatten(below, name, path) : [[name, rawValue(below, `${path}: ${name}`)]];
  });
}

function rawValue(value: unknown, where: string): RawValue {
  const simple = (each: unknown) => ['string', 'boolean', 'number', 'bigint'].includes(typeof each);
  if (simple(value) || (Array.isArray(value) && value.every(simple))) return value as RawValue;
  throw new AidError(
    'invalid-config',
    `${where}: expected a value or a list of values, got ${String(value)}`,
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
