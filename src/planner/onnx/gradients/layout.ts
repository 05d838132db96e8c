import { AidError } from '../../errors.js';
import type { Attributes, Value } from '../graph.js';
import { only } from '../graph.js';
import { concat, pad, reshape, reversed, slice, split, transpose } from '../ops/layout.js';
import { matMul } from '../ops/product.js';
import { sum } from '../ops/reduce.js';
import { at, fixedAt } from '../shape.js';
import { constantInts } from './constants.js';
import type { GradientRules } from './rule.js';
import { sumTo } from './sum-to.js';

export const layoutRules: GradientRules = {
  Reshape: ({ gradient, input }) => [reshape(gradient, input(0).shape), undefined],
  Transpose: ({ node, gradient }) => {
    const permutation = intsOf(node.attributes, 'perm');
    const inverse = permutation.map((_, i) => permutation.indexOf(i));
    return [transpose(gradient, inverse)];
  },
  Concat: ({ node, gradient }) => {
    const axis = node.attributes['axis'] as number;
    const sizes = node.inputs.map((part) => fixedAt((part as Value).shape, axis));
    return split(gradient, axis, sizes);
  },
  Slice: ({ gradient, input }) => {
    const [start, , axis, step] = [1, 2, 3, 4].map((i) => constantInts(input(i))[0] as number) as [
      number,
      number,
      number,
      number,
    ];
    if (step === -1) return [reversed(gradient, axis)];
    const length = fixedAt(input(0).shape, axis);
    const taken = fixedAt(gradient.shape, axis);
    const spread = step === 1 ? gradient : interleaveZeros(gradient, axis, step);
    const width = step === 1 ? taken : taken * step;
    const after = length - start - width;
    const fitted = after < 0 ? slice(spread, axis, 0, width + after) : spread;
    return [pad(fitted, { [axis]: [start, Math.max(after, 0)] })];
  },
  Split: ({ node, gradients, input }) => {
    const axis = node.attributes['axis'] as number;
    const parts = node.outputs.map((output, i) => gradients[i] ?? zeros(input(0), output));
    return [concat(parts, axis), undefined];
  },
  Expand: ({ gradient, input }) => [sumTo(gradient, input(0).shape), undefined],
  Pad: ({ gradient, input }) => {
    const amounts = constantInts(input(1));
    let inner = gradient;
    input(0).shape.forEach((_, axis) => {
      const before = amounts[axis] ?? 0;
      const after = amounts[axis + input(0).shape.length] ?? 0;
      if (before + after === 0) return;
      inner = slice(inner, axis, before, fixedAt(inner.shape, axis) - after);
    });
    return [inner, undefined];
  },
  /** Rows that were read more than once collect the sum. */
  Gather: ({ gradient, input }) => {
    const [table, indices] = [input(0), input(1)];
    const { graph } = table;
    const empty = zeros(table, table);
    const places = reshape(indices, [...indices.shape, 1]);
    return [
      only(
        graph.node(
          'ScatterND',
          [empty, places, gradient],
          [{ dataType: table.dataType, shape: table.shape }],
          {
            reduction: 'add',
          },
        ),
      ),
      undefined,
    ];
  },
  /** Nearest neighbours: each pixel collects its copies. */
  Resize: ({ gradient, input }) => {
    const { shape, graph } = input(0);
    const [n, c, h, w] = [at(shape, 0), at(shape, 1), fixedAt(shape, 2), fixedAt(shape, 3)];
    const [height, width] = [fixedAt(gradient.shape, 2), fixedAt(gradient.shape, 3)];
    if (height % h === 0 && width % w === 0) {
      return [sum(reshape(gradient, [n, c, h, height / h, w, width / w]), [3, 5])];
    }
    // Sizes that do not divide: as products with matrices that say whose copy each pixel is.
    const rows = graph.floats(copies(h, height), [h, height]);
    const columns = transpose(graph.floats(copies(w, width), [w, width]), [1, 0]);
    return [matMul(matMul(rows, gradient), columns)];
  },
};

/** [length, enlarged], 1 where the enlarged position is a copy of the other. */
function copies(length: number, enlarged: number): Float32Array {
  const matrix = new Float32Array(length * enlarged);
  for (let i = 0; i < enlarged; i++) matrix[Math.floor((i * length) / enlarged) * enlarged + i] = 1;
  return matrix;
}

/** Puts step - 1 zeros after every element along an axis. */
function interleaveZeros(x: Value, axis: number, step: number): Value {
  const shape = [...x.shape];
  shape.splice(axis + 1, 0, 1);
  const spread = pad(reshape(x, shape), { [axis + 1]: [0, step - 1] });
  return reshape(
    spread,
    x.shape.map((dim, i) => (i === axis ? fixedAt(x.shape, i) * step : dim)),
  );
}

function zeros({ graph }: Value, like: Value): Value {
  return graph.filled(
    0,
    like.shape.map((_, i) => fixedAt(like.shape, i)),
  );
}

function intsOf(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value)) throw new AidError('invalid-graph', `attribute ${name}: expected integers`);
  return value as readonly number[];
}
