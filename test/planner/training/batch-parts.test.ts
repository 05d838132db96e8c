import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor } from '#planner/runtime/tensor.js';
import { partsFor, partsOf } from '#planner/training/batch-parts.js';

describe('parts of a batch', () => {
  it('cut every tensor along its first dimension', () => {
    const batch = {
      frames: floatTensor([4, 2], Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7)),
      ids: int64Tensor([2], BigInt64Array.of(8n, 9n)),
    };
    expect(partsOf(batch, 2)).toEqual([
      {
        frames: floatTensor([2, 2], Float32Array.of(0, 1, 2, 3)),
        ids: int64Tensor([1], BigInt64Array.of(8n)),
      },
      {
        frames: floatTensor([2, 2], Float32Array.of(4, 5, 6, 7)),
        ids: int64Tensor([1], BigInt64Array.of(9n)),
      },
    ]);
    expect(partsOf(batch, 1)).toEqual([batch]);
  });

  it('are as many as the threads, where the clips can be shared out so', () => {
    const cases = [
      [8, 2],
      [8, 3],
      [3, 2],
      [6, 4],
      [2, 16],
      [5, 1],
    ] as const;
    expect(cases.map(([clips, threads]) => partsFor(clips, threads))).toEqual([2, 2, 1, 3, 2, 1]);
  });
});
