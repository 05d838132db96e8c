import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type TrainedTensor, trainedTensor } from '#planner/training/adamw.js';
import { isHiddenMatrix, Muon } from '#planner/training/muon.js';

const engine = new OnnxRuntimeEngine({ threads: 2 });
afterAll(() => engine.dispose());
const OPTIONS = { momentum: 0.95, weightDecay: 0 };
const zeros = (shape: readonly number[]): TrainedTensor =>
  trainedTensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));

async function stepped(
  shapes: Readonly<Record<string, readonly number[]>>,
  gradients: Readonly<Record<string, Float32Array>>,
  { parts = 1, options = OPTIONS, steps = 1, start = zeros } = {},
): Promise<ReadonlyMap<string, TrainedTensor>> {
  const muon = await Muon.load(engine, new Map(Object.entries(shapes)), parts);
  const tensors = new Map(Object.entries(shapes).map(([key, shape]) => [key, start(shape)]));
  for (let i = 0; i < steps; i++)
    await muon.step(tensors, new Map(Object.entries(gradients)), { learningRate: 0.1, scale: 1 }, options);
  await muon.dispose();
  return tensors;
}

/** What five iterations make of one singular value of a matrix of length 1. */
function iterated(value: number): number {
  let x = value;
  for (let i = 0; i < 5; i++) x = 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  return x;
}

describe('Muon', () => {
  it.each([
    [16, 17],
    [16, 24],
    [16, 200],
  ])(
    'moves each direction of a %d x %d matrix by about the same, whatever its share in the gradient',
    async (rows, columns) => {
      const values = Array.from({ length: rows }, (_, i) => 1 + i); // On a diagonal: its singular values.
      const length = Math.hypot(...values);
      const gradient = new Float32Array(rows * columns);
      for (const [i, value] of values.entries()) gradient[i * columns + i] = 1e-3 * value;
      const { data } = (await stepped({ w: [rows, columns] }, { w: gradient })).get('w') as TrainedTensor;
      for (let i = 0; i < data.length; i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const size = row === column ? iterated((values[row] as number) / length) : 0;
        expect(data[i]).toBeCloseTo(-0.1 * 0.2 * Math.sqrt(columns) * size, 5);
      }
      const moves = values.map((_, i) => -(data[i * columns + i] as number) / (0.02 * Math.sqrt(columns)));
      expect(Math.min(...moves)).toBeGreaterThan(0.6);
      expect(Math.max(...moves)).toBeLessThan(1.3);
    },
  );

  it('treats a tall matrix as the wide one that it is when turned, and a kernel as [out, in * kernel]', async () => {
    const wide = new Random(1).normals(16 * 36);
    const tall = wide.map((_, i) => wide[(i % 16) * 36 + Math.floor(i / 16)] as number); // [36, 16]
    const shapes = { wide: [16, 36], kernel: [16, 4, 3, 3], tall: [36, 16] };
    const results = await stepped(shapes, { wide, kernel: wide, tall });
    const data = (key: string) => (results.get(key) as TrainedTensor).data;
    expect(data('kernel')).toEqual(data('wide'));
    const turned = data('wide').map((_, i) => data('wide')[(i % 16) * 36 + Math.floor(i / 16)] as number);
    expect(data('tall')).toEqual(turned);
  });

  it('gives the same in one part and in two, with a number of matrices that two does not divide', async () => {
    const shapes = { a: [16, 20], b: [20, 16], c: [16, 20], d: [32, 32] };
    const gradients = Object.fromEntries(
      Object.entries(shapes).map(([key, shape], i) => [
        key,
        new Random(i).normals(shape.reduce((a, b) => a * b, 1)),
      ]),
    );
    const [one, two] = [
      await stepped(shapes, gradients, { steps: 3 }),
      await stepped(shapes, gradients, { steps: 3, parts: 2 }),
    ];
    for (const key of Object.keys(shapes)) {
      const [x, y] = [one.get(key) as TrainedTensor, two.get(key) as TrainedTensor];
      expect(Math.max(...x.data.map((value, i) => Math.abs(value - (y.data[i] as number))))).toBeLessThan(
        1e-6,
      );
      expect(Math.max(...x.data.map(Math.abs))).toBeGreaterThan(0.01);
    }
  });

  it('goes on in the direction of earlier gradients, and lets weights decay', async () => {
    const gradient = new Random(5).normals(256);
    const { data } = (
      await stepped(
        { w: [16, 16] },
        { w: new Float32Array(256) },
        {
          options: { momentum: 0.95, weightDecay: 0.5 },
          start: (shape) => ({ ...zeros(shape), data: gradient.slice(), m: gradient.slice() }),
        },
      )
    ).get('w') as TrainedTensor;
    const moved = data.map((value, i) => value - 0.95 * (gradient[i] as number));
    expect(moved.reduce((sum, value, i) => sum + value * (gradient[i] as number), 0)).toBeLessThan(-1);
    const first = await stepped({ w: [16, 16] }, { w: gradient });
    const without = (first.get('w') as TrainedTensor).data;
    expect(Math.max(...moved.map((value, i) => Math.abs(value - (without[i] as number))))).toBeLessThan(1e-5);
  });
});

it.each([
  ['unet.mid_block.resnets.0.conv1.weight', [64, 64, 3, 3], true],
  ['unet.attn1.to_q.weight', [64, 64], true],
  ['unet.norm.weight', [64], false],
  ['unet.conv_in.weight', [64, 64, 3, 3], false],
  ['unet.short_term_adapter.conv.weight', [64, 1, 3, 1], false],
  ['text_encoder.embeddings.token_embedding.weight', [64, 128], false],
  ['image_encoder.embeddings.class_embedding', [128], false],
  ['dqformer.queries', [64, 128], false],
])('%s %j: of a hidden matrix it is %s', (key, shape, expected) => {
  expect(isHiddenMatrix(key, shape)).toBe(expected);
});
