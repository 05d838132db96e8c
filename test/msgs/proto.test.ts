import { readFileSync } from 'node:fs';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { CdrMessageWriter } from '#sdk/messages/cdr-writer.js';
import { fullDefinition } from '#sdk/messages/definitions.js';

type MessageDefinition = ReturnType<typeof parse>[number];

const root = protobuf.parse(readFileSync('msgs/proto/aid_msgs.proto', 'utf8'), { keepCase: true }).root;

/** The ROS definition of a message, of one half of a service, or of a third of an action. */
function definition(file: string, part = 0): string {
  if (file.endsWith('.msg')) return fullDefinition(`aid_msgs/msg/${file.replace('.msg', '')}`);
  const folder = file.endsWith('.srv') ? 'srv' : 'action';
  const text = readFileSync(`msgs/${folder}/${file}`, 'utf8').split(/^---$/m)[part] ?? '';
  const own = text.replace(/^Clip\[\]/gm, 'aid_msgs/Clip[]');
  // Nested types come with the messages that have them.
  const nested = [
    'aid_msgs/msg/Clip',
    'builtin_interfaces/msg/Duration',
    'unique_identifier_msgs/msg/UUID',
  ].flatMap((type) => [`MSG: ${type.replace('/msg/', '/')}\n${fullDefinition(type)}`]);
  return [own, ...nested].join(`\n${'='.repeat(80)}\n`);
}

const MESSAGES: [proto: string, file: string, part?: number][] = [
  ['Clip', 'Clip.msg'],
  ['CommandOutcome', 'CommandOutcome.msg'],
  ['ErrorCode', 'ErrorCode.msg'],
  ['ModelInfo', 'ModelInfo.msg'],
  ['ResetRequest', 'Reset.srv', 0],
  ['ResetResponse', 'Reset.srv', 1],
  ['SetEnabledRequest', 'SetEnabled.srv', 0],
  ['SetEnabledResponse', 'SetEnabled.srv', 1],
  ['ImagineGoal', 'Imagine.action', 0],
  ['ImagineResult', 'Imagine.action', 1],
  ['ImagineFeedback', 'Imagine.action', 2],
];

/** A message of random values. */
function randomMessage(
  types: readonly MessageDefinition[],
  name: string | undefined,
  random: Random,
): object {
  const type = name === undefined ? types[0] : types.find((each) => each.name === name);
  if (type === undefined) throw new Error(`no definition of ${name}`);
  const value = (field: MessageDefinition['definitions'][number]): unknown => {
    const whole = (bits: number) => Math.floor(random.uniform() * 2 ** bits);
    switch (field.type) {
      case 'bool':
        return random.uniform() < 0.5;
      case 'string':
        return `text ${whole(20)} äöü 机`;
      case 'float32':
        return Math.fround(random.uniform() - 0.5);
      case 'float64':
        return random.uniform() - 0.5;
      case 'uint8':
        return whole(8);
      case 'uint16':
        return whole(16);
      case 'uint32':
        return whole(32);
      case 'int32':
        return whole(32) - 2 ** 31;
      case 'uint64':
        return BigInt(whole(53));
      case 'int64':
        return BigInt(whole(53)) - BigInt(2 ** 52);
      case 'time':
      case 'duration':
        return { sec: whole(32) - 2 ** 31, nanosec: whole(30) };
      default:
        return randomMessage(types, field.type, random);
    }
  };
  return Object.fromEntries(
    type.definitions
      .filter(({ isConstant }) => isConstant !== true)
      .map((field) => [
        field.name,
        field.isArray === true
          ? Array.from({ length: field.arrayLength ?? 3 }, () => value(field))
          : value(field),
      ]),
  );
}

/** As protobufjs wants it: bytes as one buffer, 64 bits as text. */
function toProto(value: unknown, type: protobuf.Type): object {
  return Object.fromEntries(
    Object.entries(value as object).map(([name, field]) => {
      const { resolvedType, type: kind, repeated } = type.fields[name]?.resolve() ?? missing(type, name);
      const one = (each: unknown) => {
        if (resolvedType instanceof protobuf.Type) return toProto(each, resolvedType);
        return typeof each === 'bigint' ? String(each) : each;
      };
      if (kind === 'bytes') return [name, Uint8Array.from(field)];
      return [name, repeated ? Array.from(field as Iterable<unknown>, one) : one(field)];
    }),
  );
}

function missing(type: protobuf.Type, name: string): never {
  throw new Error(`${type.name}.${name}: not in the .proto`);
}

function fromProto(value: Record<string, unknown>, type: protobuf.Type): object {
  return Object.fromEntries(
    type.fieldsArray.map((field) => {
      const { resolvedType, type: kind, repeated } = field.resolve();
      const one = (each: unknown) => {
        if (resolvedType instanceof protobuf.Type)
          return fromProto(each as Record<string, unknown>, resolvedType);
        return kind === 'uint64' || kind === 'int64' ? BigInt(each as string) : each;
      };
      const found = value[field.name];
      return [field.name, repeated ? (found as unknown[]).map(one) : one(found)];
    }),
  );
}

describe('the .proto has the same messages as ROS', () => {
  it.each(MESSAGES)('%s there and back again', (name, file, part) => {
    const types = parse(definition(file, part), { ros2: true });
    const proto = root.lookupType(`aid_msgs.${name}`);
    const fields = types[0]?.definitions
      .filter(({ isConstant }) => isConstant !== true)
      .map((field) => field.name);
    expect(Object.keys(proto.fields)).toEqual(fields);
    expect(proto.fieldsArray.map(({ id }) => id)).toEqual(fields?.map((_, index) => index + 1));
    const [writer, reader] = [new CdrMessageWriter(types), new MessageReader(types)];
    for (let seed = 0; seed < 20; seed++) {
      const cdr = writer.write(randomMessage(types, undefined, new Random(seed)));
      const bytes = proto.encode(proto.fromObject(toProto(reader.readMessage(cdr), proto))).finish();
      const object = proto.toObject(proto.decode(bytes), {
        longs: String,
        defaults: true,
        arrays: true,
        objects: true,
      });
      expect(Buffer.from(writer.write(fromProto(object, proto)))).toEqual(Buffer.from(cdr));
    }
  });

  it('every field of ROS has a comment, and the .proto has the same', () => {
    const proto = readFileSync('msgs/proto/aid_msgs.proto', 'utf8');
    const files = [
      'msg/Clip.msg',
      'msg/CommandOutcome.msg',
      'msg/ModelInfo.msg',
      'srv/Reset.srv',
      'srv/SetEnabled.srv',
      'action/Imagine.action',
    ];
    for (const file of files) {
      const text = readFileSync(`msgs/${file}`, 'utf8');
      const comments = text.match(/(?<=# ?)\S.*/g) ?? [];
      expect(comments.length).toBeGreaterThan(0);
      // A comment stands above its field, or above a group of them without a blank line between.
      const bare = text
        .split(/\n\s*\n|^---$/m)
        .filter((group) => /^[a-z]/im.test(group.trim()) && !group.trim().startsWith('#'));
      expect(bare, file).toEqual([]);
      expect(
        comments.filter((comment) => !proto.includes(comment)),
        file,
      ).toEqual([]);
    }
  });

  it('has the same error codes', async () => {
    const { ERROR_CODE } = await import('#ros-node/error-codes.js');
    expect(root.lookupEnum('aid_msgs.ErrorCodeValue').values).toEqual(ERROR_CODE);
    const constants = [
      ...readFileSync('msgs/msg/ErrorCode.msg', 'utf8').matchAll(/^uint16 ([A-Z_]+) = (\d+)/gm),
    ];
    expect(Object.fromEntries(constants.map(([, name, value]) => [name, Number(value)]))).toEqual(ERROR_CODE);
    const docs = readFileSync('docs/ros.md', 'utf8');
    for (const [name, code] of Object.entries(ERROR_CODE))
      expect(docs).toContain(`| ${code} | \`${name}\` |`);
  });
});
