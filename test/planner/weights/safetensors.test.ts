import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  readFloats,
  readSafetensors,
  readSafetensorsHeader,
  readTensorBytes,
  type StoredTensor,
  writeSafetensors,
} from '#planner/weights/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'aid-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

function withBytes(bytes: Uint8Array): string {
  writeFileSync(path('bytes'), bytes);
  return path('bytes');
}

/** A file with that header and that many bytes of numbers. */
function handMade(name: string, header: unknown, bytes = 16): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path(name), Buffer.concat([prefix, text, Buffer.alloc(bytes, 1)]));
  return path(name);
}

const entry = (over: object): object => ({
  a: { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...over },
});

describe('writing and reading safetensors', () => {
  it('gives back names, shapes, numbers and metadata', async () => {
    const file = path('whole.safetensors');
    const floats = Float32Array.of(1, -2.5, 1e-20, 65504, Math.fround(0.1), 3);
    await writeSafetensors(
      file,
      new Map([
        ['b.weight', { shape: [2, 3], data: floats }],
        ['a', { shape: [2], data: BigInt64Array.of(1n, -(2n ** 40n)) }],
        ['half', { shape: [6], data: floats, as: 'F16' as const }],
        ['scalar', { shape: [], data: Float32Array.of(7) }],
        ['empty', { shape: [0, 4], data: new Float32Array() }],
      ]),
      { note: 'größe' },
    );
    const tensors = readSafetensorsHeader(file);
    expect([...tensors].map(([key, { type, shape }]) => [key, type, shape])).toEqual([
      ['b.weight', 'F32', [2, 3]],
      ['a', 'I64', [2]],
      ['half', 'F16', [6]],
      ['scalar', 'F32', []],
      ['empty', 'F32', [0, 4]],
    ]);
    const at = (key: string): StoredTensor => tensors.get(key) as StoredTensor;
    expect(readFloats(at('b.weight'))).toEqual(floats);
    expect(new BigInt64Array(readTensorBytes(at('a')).buffer as ArrayBuffer)).toEqual(
      BigInt64Array.of(1n, -(2n ** 40n)),
    );
    expect(readFloats(at('half'))).toEqual(Float32Array.of(1, -2.5, 0, 65504, 0.0999755859375, 3));
    expect(readFloats(at('scalar'))).toEqual(Float32Array.of(7));
    expect(readFloats(at('empty'))).toEqual(new Float32Array());
    expect(readSafetensors(file).metadata).toEqual({ note: 'größe' });
  });

  it('puts the numbers at a multiple of 8 bytes', async () => {
    for (const name of ['a', 'ab', 'abc', 'ä', '日本']) {
      const file = path('aligned.safetensors');
      await writeSafetensors(file, new Map([[name, { shape: [1], data: Float32Array.of(1) }]]));
      expect(readSafetensorsHeader(file).get(name)?.offset).toSatisfy((n: number) => n % 8 === 0);
      expect(readFileSync(file).byteLength % 8).toBe(4);
    }
  });

  it('reads BF16 and F64', () => {
    const file = path('types.safetensors');
    const header = Buffer.from(
      JSON.stringify({
        d: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
        b: { dtype: 'BF16', shape: [2], data_offsets: [8, 12] },
      }),
    );
    const bytes = Buffer.alloc(20 + header.length);
    bytes.writeBigUInt64LE(BigInt(header.length));
    header.copy(bytes, 8);
    bytes.writeDoubleLE(0.5, 8 + header.length);
    bytes.writeUInt16LE(0x3fc0, 16 + header.length); // 1.5
    bytes.writeUInt16LE(0xc000, 18 + header.length); // -2
    writeFileSync(file, bytes);
    const tensors = readSafetensorsHeader(file);
    expect(readFloats(tensors.get('d') as StoredTensor)).toEqual(Float32Array.of(0.5));
    expect(readFloats(tensors.get('b') as StoredTensor)).toEqual(Float32Array.of(1.5, -2));
  });
});

describe('a file that is no safetensors file', () => {
  it.each<[string, () => string, RegExp]>([
    ['is a folder', () => folder, /: it is a folder$/],
    ['is empty', () => withBytes(Buffer.of()), /it has 0 bytes/],
    ['ends in its first 8 bytes', () => withBytes(Buffer.from('abc')), /it has 3 bytes/],
    [
      'promises a longer header than it has',
      () => withBytes(Buffer.concat([Buffer.of(99, 0, 0, 0, 0, 0, 0, 0), Buffer.from('{}')])),
      /its header of 99 bytes does not fit its 10 bytes/,
    ],
    ['promises an absurd header', () => withBytes(Buffer.alloc(64, 0xff)), /its header of .* does not fit/],
    ['has a header that is no JSON', () => handMade('x', '{"a": '), /its header is not a JSON object/],
    ['has a list as header', () => handMade('x', '[1]'), /its header is not a JSON object/],
    [
      'has an entry without offsets',
      () => handMade('x', { a: { dtype: 'F32', shape: [4] } }),
      /malformed at a/,
    ],
    ['has a negative dimension', () => handMade('x', entry({ shape: [-4] })), /malformed at a\.shape/],
    ['has a broken dimension', () => handMade('x', entry({ shape: [1.5] })), /malformed at a\.shape/],
    ['has an unknown type', () => handMade('x', entry({ dtype: 'F8' })), /a has the unknown type F8/],
    [
      'has a type that objects inherit',
      () => handMade('x', entry({ dtype: 'toString' })),
      /unknown type toString/,
    ],
    [
      'has a shape of another size',
      () => handMade('x', entry({ shape: [5] })),
      /a \[5\] F32 needs 20 bytes and has 16/,
    ],
    [
      'has offsets that run backwards',
      () => handMade('x', entry({ data_offsets: [16, 0] })),
      /needs 16 bytes and has -16/,
    ],
    ['is cut short', () => handMade('x', entry({}), 12), /a ends at byte \d+ and the file at \d+/],
  ])('is refused when it %s', (_, make, message) => {
    expect(() => readSafetensorsHeader(make())).toThrow(
      expect.objectContaining({ code: 'invalid-weights', message: expect.stringMatching(message) }),
    );
  });

  it('is an error of its own when it is not there', () => {
    expect(() => readSafetensorsHeader(path('nowhere'))).toThrow(
      expect.objectContaining({ code: 'io-failed' }),
    );
  });

  it('has no metadata either when its header is no JSON', () => {
    expect(() => readSafetensors(handMade('x', '{"a": ')).metadata).toThrow(
      expect.objectContaining({ code: 'invalid-weights' }),
    );
  });

  it('does not turn whole numbers into floats', () => {
    const file = handMade('ints', { a: { dtype: 'I32', shape: [4], data_offsets: [0, 16] } });
    expect(() => readFloats(readSafetensorsHeader(file).get('a') as StoredTensor)).toThrow(
      /a: expected floating-point numbers, got I32/,
    );
  });
});
