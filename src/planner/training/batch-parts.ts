import type { Tensor } from '../runtime/tensor.js';

export type Batch = Readonly<Record<string, Tensor>>;

/** A batch in equal parts: every tensor cut along its first dimension. */
export function partsOf(batch: Batch, parts: number): Batch[] {
  if (parts === 1) return [batch];
  return Array.from({ length: parts }, (_, part) =>
    Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, partOf(tensor, part, parts)])),
  );
}

function partOf(tensor: Tensor, part: number, parts: number): Tensor {
  const [rows = 1, ...rest] = tensor.dims;
  const size = tensor.data.length / parts;
  return {
    ...tensor,
    dims: [rows / parts, ...rest],
    data: tensor.data.slice(part * size, (part + 1) * size),
  } as Tensor;
}

/** As many parts as there are threads, if the clips can be shared out so; else the next smaller number. */
export function partsFor(clips: number, threads: number): number {
  let parts = Math.max(1, Math.min(clips, threads));
  while (clips % parts !== 0) parts -= 1;
  return parts;
}
