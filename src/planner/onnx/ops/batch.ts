/** Growing a value along a batch that is only known when the graph runs. */
import { only, type Value } from '../graph.js';
import { at, type Dim } from '../shape.js';
import { concat, expand } from './layout.js';

/** Repeats x [1, ...] to [batch, ...], where `like` has the batch as its first dimension. */
export function expandBatch(x: Value, like: Value): Value {
  const batch: Dim = at(like.shape, 0);
  const shape = [batch, ...x.shape.slice(1)];
  if (typeof batch === 'number') return expand(x, shape);
  const { graph } = x;
  const count = only(graph.node('Shape', [like], [{ dataType: 'int64', shape: [1] }], { start: 0, end: 1 }));
  const sizes = concat([count, graph.int64s(new Array<number>(shape.length - 1).fill(1))], 0);
  return only(graph.node('Expand', [x, sizes], [{ dataType: x.dataType, shape }]));
}
