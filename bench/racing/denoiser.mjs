// The part of a clip that repeats: the denoiser of a model folder with keys and values that stay with the engine.
import { conditionGraph, denoiserGraph, latentDims } from '#planner/imagination/graphs.js';
import { readNetworks } from '#planner/imagination/networks.js';
import { Random } from '#planner/random.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { floatTensor, int64Tensor, sharedFloats } from '#planner/runtime/tensor.js';

/** Opens both graphs; `run(x, cNoise)` is F_x [branches, F, C, h, w] of the scaled latents x [F, C, h, w]. */
export async function openDenoiser(model, { threads, branches }) {
  const networks = await readNetworks(model);
  const { aid, vision, tokenizer } = networks;
  const geometry = { numFrames: aid.dqformer.num_frames, ...aid.video };
  const weights = (key) => networks.tensors.get(key);
  const engine = new OnnxRuntimeEngine({ threads });
  const random = new Random(1);

  const condition = await engine.load(conditionGraph(networks, geometry), { weights });
  const texts = 1 + aid.num_states;
  const ids = tokenizer.encode('put the red cube on the blue plate', { length: aid.text_length }).inputIds;
  const textIds = BigInt64Array.from(
    Array(branches * texts)
      .fill([...ids])
      .flat(),
  );
  const visualTokens = 1 + Math.floor(vision.image_size / vision.patch_size) ** 2;
  const visual = random.normals(branches * visualTokens * vision.hidden_size);
  const inputs = {
    text_ids: int64Tensor([branches, texts, aid.text_length], textIds),
    visual_embeds: floatTensor([branches, visualTokens, vision.hidden_size], visual),
  };
  const { resident } = await condition.run(inputs, { keep: condition.outputNames });
  await condition.release();

  const session = await engine.load(denoiserGraph(networks, geometry), { weights });
  const [channels, height, width] = latentDims(networks, geometry);
  const dims = [branches, geometry.numFrames, 2 * channels, height, width];
  const plane = channels * height * width;
  const sample = sharedFloats(random.normals(branches * geometry.numFrames * 2 * plane));
  const { frames_per_second: rate, motion_bucket_id: bucket, noise_augmentation: noise } = aid.video;
  const timeIds = Float32Array.from(
    Array(branches)
      .fill([rate - 1, bucket, noise])
      .flat(),
  );
  return {
    size: geometry.numFrames * plane,
    latents: [branches, geometry.numFrames, channels, height, width],
    async run(x, cNoise) {
      for (let b = 0; b < branches; b++)
        for (let frame = 0; frame < geometry.numFrames; frame++)
          sample.set(
            x.subarray(frame * plane, (frame + 1) * plane),
            (b * geometry.numFrames + frame) * 2 * plane,
          );
      const { tensors } = await session.run({
        sample: floatTensor(dims, sample),
        timestep: floatTensor([branches], new Float32Array(branches).fill(cNoise)),
        added_time_ids: floatTensor([branches, 3], timeIds),
        ...resident,
      });
      return tensors.output.data;
    },
    end: () => engine.dispose(),
  };
}
