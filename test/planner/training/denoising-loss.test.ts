import { afterAll, describe, expect, it } from 'vitest';
import { Graph } from '#planner/onnx/graph.js';
import { multiply } from '#planner/onnx/ops/elementwise.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import { noWeights } from '#planner/runtime/weight-source.js';
import { denoisingLoss } from '#planner/training/denoising-loss.js';

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

const SIGMA = 2;
/** One clip of frames of one number, without noise, and a network that says 0: D_x = x / (sigma^2 + 1). */
async function lossOf(clean: readonly number[], frameWeights?: readonly number[]): Promise<number> {
  const graph = new Graph('loss');
  const dims = [1, clean.length, 1, 1, 1] as const;
  const x = graph.input('clean', 'float32', dims);
  const { loss } = denoisingLoss(
    {
      clean: x,
      noise: graph.input('noise', 'float32', dims),
      sigma: graph.input('sigma', 'float32', [1]),
      frameLatents: graph.input('frame_latents', 'float32', dims),
      ...(frameWeights === undefined ? {} : { frameWeights }),
    },
    () => multiply(x, 0),
  );
  graph.output('loss', loss);
  const session = await engine.load(graph, { weights: noWeights });
  const zeros = floatTensor([...dims], new Float32Array(clean.length));
  const { tensors } = await session.run({
    clean: floatTensor([...dims], Float32Array.from(clean)),
    noise: zeros,
    sigma: floatTensor([1], Float32Array.of(SIGMA)),
    frame_latents: zeros,
  });
  await session.release();
  return tensors['loss']?.data[0] as number;
}

/** (D_x - x)^2 (sigma^2 + 1) / sigma^2 with D_x = x / (sigma^2 + 1). */
const frameLoss = (x: number): number => (x - x / (SIGMA ** 2 + 1)) ** 2 * ((SIGMA ** 2 + 1) / SIGMA ** 2);

describe('the denoising loss', () => {
  it('is the mean of the weighted squared error over all numbers', async () => {
    expect(await lossOf([1, 2, 3])).toBeCloseTo((frameLoss(1) + frameLoss(2) + frameLoss(3)) / 3, 5);
  });

  it('counts a frame as often as its weight says, and is as large as ever when all frames are alike', async () => {
    const twice = (frameLoss(1) + frameLoss(2) + 4 * frameLoss(3)) / 6;
    expect(await lossOf([1, 2, 3], [1, 1, 4])).toBeCloseTo(twice, 5);
    expect(await lossOf([2, 2, 2], [1, 1, 4])).toBeCloseTo(frameLoss(2), 5);
  });
});
