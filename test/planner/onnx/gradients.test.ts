import { afterAll, describe, expect, it } from 'vitest';
import { activationRules } from '#planner/onnx/gradients/activation.js';
import { attentionRules } from '#planner/onnx/gradients/attention.js';
import { differentiate } from '#planner/onnx/gradients/differentiate.js';
import { elementwiseRules } from '#planner/onnx/gradients/elementwise.js';
import { layoutRules } from '#planner/onnx/gradients/layout.js';
import { normalizationRules } from '#planner/onnx/gradients/normalization.js';
import { productRules } from '#planner/onnx/gradients/product.js';
import { reduceRules } from '#planner/onnx/gradients/reduce.js';
import { Graph, only } from '#planner/onnx/graph.js';
import { groupNorm } from '#planner/onnx/layers/normalization.js';
import { gelu, quickGelu, silu, softmax } from '#planner/onnx/ops/activation.js';
import { attention } from '#planner/onnx/ops/attention.js';
import {
  abs,
  add,
  clamp,
  cos,
  divide,
  exp,
  log,
  multiply,
  negate,
  sigmoid,
  sin,
  sqrt,
  subtract,
} from '#planner/onnx/ops/elementwise.js';
import {
  concat,
  expand,
  gather,
  pad,
  reshape,
  resizeNearest,
  slice,
  split,
  transpose,
} from '#planner/onnx/ops/layout.js';
import { layerNormalization } from '#planner/onnx/ops/normalization.js';
import { convolution, gemm, matMul } from '#planner/onnx/ops/product.js';
import { argMax, mean, sum } from '#planner/onnx/ops/reduce.js';
import { Scope } from '#planner/onnx/scope.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { awayFromZero, checkGradients, type DifferentiatedCase, positive } from './finite-differences.js';

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

const rules = {
  ...activationRules,
  ...attentionRules,
  ...elementwiseRules,
  ...layoutRules,
  ...normalizationRules,
  ...productRules,
  ...reduceRules,
};

const MHA = 'com.microsoft:MultiHeadAttention';
const SHAPE = [2, 3, 4];

/** [rule, what about it, case] */
const cases: readonly (readonly [rule: string, what: string, DifferentiatedCase])[] = [
  ['Add', 'two tensors', { inputs: [SHAPE, SHAPE], build: (a, b) => add(a, b) }],
  [
    'Add',
    'broadcasting both ways',
    {
      inputs: [
        [2, 1, 4],
        [3, 1],
      ],
      build: (a, b) => add(a, b),
    },
  ],
  ['Add', 'the same tensor twice', { inputs: [SHAPE], build: (a) => add(a, a) }],
  ['Sub', 'broadcasting', { inputs: [SHAPE, [4]], build: (a, b) => [subtract(a, b), subtract(b, a)] }],
  ['Mul', 'broadcasting', { inputs: [SHAPE, [3, 1]], build: (a, b) => multiply(a, b) }],
  ['Mul', 'a square', { inputs: [SHAPE], build: (a) => multiply(a, a) }],
  ['Div', 'broadcasting', { inputs: [SHAPE, [2, 1, 1]], domain: positive, build: (a, b) => divide(a, b) }],
  ['Neg', '', { inputs: [SHAPE], build: (a) => negate(a) }],
  ['Exp', '', { inputs: [SHAPE], build: (a) => exp(a) }],
  ['Log', '', { inputs: [SHAPE], domain: positive, build: (a) => log(a) }],
  ['Sqrt', '', { inputs: [SHAPE], domain: positive, build: (a) => sqrt(a) }],
  ['Sin', '', { inputs: [SHAPE], build: (a) => sin(a) }],
  ['Cos', '', { inputs: [SHAPE], build: (a) => cos(a) }],
  ['Abs', '', { inputs: [SHAPE], domain: awayFromZero, build: (a) => abs(a) }],
  ['Sigmoid', '', { inputs: [SHAPE], build: (a) => sigmoid(a) }],
  [
    'Clip',
    'inside and outside',
    {
      inputs: [[4, 8]],
      // Never within 0.1 of a limit.
      domain: (n) => (Math.abs(n) < 0.6 ? n / 2 : n + Math.sign(n)),
      build: (a) => clamp(a, -0.7, 0.8),
    },
  ],
  ['Identity', '', { inputs: [SHAPE], build: (a) => only(a.graph.node('Identity', [a], [a])) }],
  ['Gelu', '', { inputs: [SHAPE], build: (a) => gelu(a) }],
  ['com.microsoft:QuickGelu', 'alpha 1.702', { inputs: [SHAPE], build: (a) => quickGelu(a) }],
  ['com.microsoft:QuickGelu', 'SiLU', { inputs: [SHAPE], build: (a) => silu(a) }],
  ['Softmax', '', { inputs: [SHAPE], build: (a) => softmax(a) }],
  ['Reshape', '', { inputs: [SHAPE], build: (a) => reshape(a, [6, 4]) }],
  ['Transpose', 'no permutation of order 2', { inputs: [SHAPE], build: (a) => transpose(a, [2, 0, 1]) }],
  [
    'Concat',
    '',
    {
      inputs: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      build: (a, b, c) => concat([a, b, c], 1),
    },
  ],
  ['Slice', 'in the middle', { inputs: [[3, 6]], build: (a) => slice(a, 1, 2, 5) }],
  ['Slice', 'in steps that end early', { inputs: [[2, 7]], build: (a) => slice(a, -1, 1, 6, 2) }],
  ['Slice', 'in steps to the end', { inputs: [[2, 7]], build: (a) => slice(a, 1, 0, 7, 3) }],
  ['Split', 'all parts', { inputs: [[2, 6]], build: (a) => split(a, 1, [1, 2, 3]) }],
  ['Split', 'one part', { inputs: [[2, 6]], build: (a) => split(a, -1, [1, 2, 3])[1] ?? a }],
  ['Expand', '', { inputs: [[2, 1, 3]], build: (a) => expand(a, [4, 2, 5, 3]) }],
  ['Pad', '', { inputs: [[2, 3, 2]], build: (a) => pad(a, { 0: [0, 1], 2: [2, 1] }) }],
  ['Gather', 'a row twice', { inputs: [[4, 3]], build: (a) => gather(a, a.graph.int64s([2, 0, 2])) }],
  ['Resize', 'twice', { inputs: [[2, 2, 3, 2]], build: (a) => resizeNearest(a, 6, 4) }],
  ['Resize', 'to an odd size', { inputs: [[1, 2, 5, 4]], build: (a) => resizeNearest(a, 9, 7) }],
  ['ReduceSum', '', { inputs: [SHAPE], build: (a) => sum(multiply(a, a), [0, -1]) }],
  ['ReduceMean', '', { inputs: [SHAPE], build: (a) => mean(multiply(a, a), [1], { keepDims: true }) }],
  [
    'MatMul',
    'of batches',
    {
      inputs: [
        [2, 3, 4],
        [2, 4, 2],
      ],
      build: (a, b) => matMul(a, b),
    },
  ],
  [
    'MatMul',
    'with one matrix for all',
    {
      inputs: [
        [2, 3, 4],
        [4, 2],
      ],
      build: (a, b) => matMul(a, b),
    },
  ],
  [
    'Gemm',
    'with a transposed weight',
    { inputs: [[5, 3], [4, 3], [4]], build: (a, b, c) => gemm(a, b, c, { transB: true }) },
  ],
  [
    'Gemm',
    'plain',
    {
      inputs: [
        [5, 3],
        [3, 4],
      ],
      build: (a, b) => gemm(a, b),
    },
  ],
  [
    'Conv',
    '3x3, padded',
    {
      inputs: [[2, 3, 5, 4], [2, 3, 3, 3], [2]],
      build: (x, w, b) => convolution(x, w, b, { padding: [1, 1, 1, 1] }),
    },
  ],
  [
    'Conv',
    'stride 2, even size',
    {
      inputs: [
        [2, 2, 6, 4],
        [3, 2, 3, 3],
      ],
      build: (x, w) => convolution(x, w, null, { stride: 2, padding: [1, 1, 1, 1] }),
    },
  ],
  [
    'Conv',
    'stride 2, odd size',
    {
      inputs: [
        [1, 2, 5, 7],
        [3, 2, 3, 3],
      ],
      build: (x, w) => convolution(x, w, null, { stride: 2, padding: [1, 1, 1, 1] }),
    },
  ],
  [
    'Conv',
    'stride 2, padded at the bottom and the right',
    {
      inputs: [
        [2, 2, 6, 4],
        [3, 2, 3, 3],
      ],
      build: (x, w) => convolution(x, w, null, { stride: 2, padding: [0, 0, 1, 1] }),
    },
  ],
  [
    'Conv',
    'over frames',
    {
      inputs: [[2, 3, 4, 5], [2, 3, 3, 1], [2]],
      build: (x, w, b) => convolution(x, w, b, { padding: [1, 0, 1, 0] }),
    },
  ],
  [
    'Conv',
    '1x1',
    {
      inputs: [
        [2, 3, 2, 2],
        [4, 3, 1, 1],
      ],
      build: (x, w) => convolution(x, w, null),
    },
  ],
  [
    'Conv',
    'patches',
    {
      inputs: [
        [1, 2, 6, 6],
        [3, 2, 3, 3],
      ],
      build: (x, w) => convolution(x, w, null, { stride: 3 }),
    },
  ],
  [
    'LayerNormalization',
    '',
    {
      inputs: [[2, 3, 8], [8], [8]],
      build: (x, scale, bias) => layerNormalization(x, scale, bias, 1e-5).output,
    },
  ],
  [
    'LayerNormalization',
    'as group norm',
    {
      inputs: [[2, 4, 3, 2]],
      build: (x) => {
        const { graph } = x;
        const scope = new Scope(graph);
        // The parameters are constants here.
        graph.parameter = (_, shape) =>
          graph.floats(Float32Array.of(0.5, -1, 2, 1.5), shape as readonly number[]);
        return groupNorm(scope, x, { groups: 2, epsilon: 1e-6 });
      },
    },
  ],
  [
    MHA,
    'self-attention of one tensor',
    { inputs: [[2, 5, 8]], build: (x) => attention(x, x, x, { heads: 2 }) },
  ],
  [
    MHA,
    'cross-attention',
    {
      inputs: [
        [2, 5, 8],
        [2, 3, 8],
        [2, 3, 8],
      ],
      build: (q, k, v) => attention(q, k, v, { heads: 4 }),
    },
  ],
  [
    MHA,
    'with a bias on the scores',
    {
      inputs: [
        [2, 3, 4],
        [2, 3, 4],
        [2, 3, 4],
      ],
      build: (q, k, v) => {
        const bias = q.graph.floats(Float32Array.of(0, -1e9, -1e9, 0, 0, -1e9, 0.5, 0, 1), [1, 1, 3, 3]);
        return attention(q, k, v, { heads: 2, bias });
      },
    },
  ],
];

describe('the gradient rule of', () => {
  it.each(cases)('%s (%s) agrees with finite differences', async (rule, _, given) => {
    const { pairs, scale, operators } = await checkGradients(engine, given);
    expect(operators).toContain(rule);
    expect(scale).toBeGreaterThan(0);
    for (const { analytic, numeric } of pairs) {
      expect(Math.abs(analytic - numeric) / Math.max(scale, Math.abs(numeric))).toBeLessThan(1e-4);
    }
  });

  it('every operator is among these', () => {
    expect([...new Set(cases.map(([rule]) => rule))].sort()).toEqual(Object.keys(rules).sort());
  });
});

describe('differentiate', () => {
  it('goes through a chain of operators and a value that is used twice', async () => {
    const { pairs, scale } = await checkGradients(engine, {
      inputs: [[2, 6], [4, 6], [4]],
      build: (x, w, b) => {
        const h = silu(gemm(x, w, b, { transB: true }));
        return multiply(softmax(h), add(h, sum(h, [1], { keepDims: true })));
      },
    });
    for (const { analytic, numeric } of pairs)
      expect(Math.abs(analytic - numeric) / scale).toBeLessThan(1e-4);
  });

  it('gives the gradient of a value in the middle', () => {
    const graph = new Graph('g');
    const middle = multiply(graph.input('x', 'float32', [3]), 2);
    expect(differentiate(sum(exp(middle), [0]), [middle]).has(middle)).toBe(true);
  });

  it('leaves out what the loss does not depend on', () => {
    const graph = new Graph('g');
    const [x, y] = [graph.input('x', 'float32', [3]), graph.input('y', 'float32', [3])];
    exp(y);
    expect([...differentiate(sum(x, [0]), [x, y]).keys()]).toEqual([x]);
  });

  it('refuses a loss that is no scalar and an operator that has no rule', () => {
    const graph = new Graph('g');
    const x = graph.input('x', 'float32', [2, 3]);
    expect(() => differentiate(x, [x])).toThrow('expected a scalar loss, got [2,3]');
    const rows = only(graph.node('Cast', [argMax(x)], [{ dataType: 'float32', shape: [2] }], { to: 1 }));
    expect(() => differentiate(sum(rows, [0]), [x])).toThrow('no gradient rule for Cast');
  });
});
