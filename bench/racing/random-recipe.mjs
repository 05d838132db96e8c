// A recipe for the trainer with random data: AID or the whole denoiser, from embeddings, as PyTorch's race has it.
import { latentDims } from '#planner/imagination/graphs.js';
import { readNetworks } from '#planner/imagination/networks.js';
import { ADAPTED_KEYS } from '#planner/models/aid.js';
import { adapterConfigOf, dqFormerConfigOf } from '#planner/models/aid-config.js';
import { dqFormer } from '#planner/models/dqformer.js';
import { tokensCondition } from '#planner/models/unet/condition.js';
import { unet } from '#planner/models/unet/unet.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { Random } from '#planner/random.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import { partsFor } from '#planner/training/batch-parts.js';
import { denoisingLoss } from '#planner/training/denoising-loss.js';
import { trainingGraph } from '#planner/training/training-graph.js';

export async function randomRecipe(model, { batch: clips, threads, trainable }) {
  const networks = await readNetworks(model);
  const { aid, vision, text } = networks;
  const parts = partsFor(clips, threads);
  const batch = clips / parts;
  const latents = [batch, aid.dqformer.num_frames, ...latentDims(networks, aid.video)];
  const length = aid.text_length;
  const visualTokens = 1 + Math.floor(vision.image_size / vision.patch_size) ** 2;
  const graph = new Graph('training race');
  const root = new Scope(graph);
  const input = (name, dims) => graph.input(name, 'float32', dims);
  const tokens = dqFormer(
    root.at('dqformer'),
    {
      instructionEmbeds: input('instruction_embeds', [batch, length, text.hidden_size]),
      stateEmbeds: input('state_embeds', [batch, aid.num_states * length, text.hidden_size]),
      visualEmbeds: input('visual_embeds', [batch, visualTokens, vision.hidden_size]),
    },
    dqFormerConfigOf(aid),
  );
  const addedTimeIds = input('added_time_ids', [batch, 3]);
  const { loss } = denoisingLoss(
    {
      clean: input('clean', latents),
      noise: input('noise', latents),
      sigma: input('sigma', [batch]),
      frameLatents: input('frame_latents', latents),
    },
    (sample, timestep) =>
      unet(
        root.at('unet'),
        { sample, timestep, addedTimeIds, condition: tokensCondition(tokens) },
        networks.unet,
        adapterConfigOf(aid),
      ),
  );
  const random = new Random(1);
  const data = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => {
      const dims = [shape[0] * parts, ...shape.slice(1)];
      const numbers = random.normals(dims.reduce((a, b) => a * b, 1));
      return [name, floatTensor(dims, name === 'sigma' ? numbers.map(Math.exp) : numbers)];
    }),
  );
  return {
    training: trainingGraph(loss, {}, (key) => trainable === 'everything' || ADAPTED_KEYS.test(key)),
    clipsPerRun: clips,
    parts,
    weights: networks.tensors,
    sources: {},
    batch: async () => data,
    save: async () => undefined,
  };
}
