import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeChunks } from '#planner/imagination/decode-chunks.js';
import type { EndEvent, StepEvent } from '#planner/imagination/events.js';
import { decoderGraph } from '#planner/imagination/graphs.js';
import type { Networks } from '#planner/imagination/networks.js';
import { autoencoderConfig } from '#planner/models/autoencoder/config.js';
import { graphCost } from '#planner/runtime/estimate.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../../support/tiny-model.js';
import { picture } from '../conditioning/pictures.js';

/** The published SVD's. */
const vae = autoencoderConfig.parse({
  down_block_types: Array(4).fill('DownEncoderBlock2D'),
  block_out_channels: [128, 256, 512, 512],
  layers_per_block: 2,
});
const networksOf = (video: object = {}) => ({ vae, aid: { video } }) as unknown as Networks;

describe('frames that are decoded at once', () => {
  it('are all of a small clip', () => {
    expect(decodeChunks(networksOf(), { numFrames: 16, width: 256, height: 256 })).toEqual([16]);
  });

  it.each([
    [576, 320],
    [1024, 576],
    [1920, 1080],
  ])("fit into 8 GB at %dx%d, by the graph's own estimate", (width, height) => {
    const chunks = decodeChunks(networksOf(), { numFrames: 25, width, height });
    expect(chunks.reduce((a, b) => a + b)).toBe(25);
    const [numFrames = 0] = chunks;
    const bytes = (frames: number) =>
      graphCost(decoderGraph(networksOf(), { numFrames: frames, width, height })).activationBytes;
    expect(bytes(numFrames)).toBeLessThan(8.8e9);
    expect(bytes(numFrames + 1)).toBeGreaterThan(7.2e9);
  });

  it('are as many as the model says, as clips of their own', async () => {
    expect(
      decodeChunks(networksOf({ decode_chunk_size: 6 }), { numFrames: 16, width: 64, height: 64 }),
    ).toEqual([6, 6, 4]);
    const video = { width: 32, height: 32, decode_chunk_size: 1 };
    const planner = await VideoPlanner.load(await tinyModel({ aid: { video } }), {
      provider: 'cpu',
      threads: 1,
    });
    onTestFinished(() => planner.dispose());
    const request = { frames: [picture(32, 32)], instruction: 'push the red cube', seed: 1 };
    let last: StepEvent | undefined;
    let end: EndEvent | undefined;
    for await (const event of planner.imagine({
      ...request,
      numInferenceSteps: 2,
      previewFrames: [0, 1, 2, 3],
    })) {
      if (event.kind === 'step') last = event;
      if (event.kind === 'end') end = event;
    }
    // Previews are decoded one by one.
    expect(end?.frames).toEqual([0, 1, 2, 3].map((index) => last?.preview.get(index)));
  });
});
