/** A case of one training step: the denoising loss and the gradients of what is trained. */
import { z } from 'zod';
import { ADAPTED_KEYS } from '../models/aid.js';
import { dqFormer } from '../models/dqformer.js';
import { tokensCondition } from '../models/unet/condition.js';
import { unet } from '../models/unet/unet.js';
import { Graph, type Value } from '../onnx/graph.js';
import { refusing } from '../onnx/refusing.js';
import { Scope } from '../onnx/scope.js';
import { type FloatTensor, floatTensor } from '../runtime/tensor.js';
import { denoisingLoss } from '../training/denoising-loss.js';
import { gradientName, type TrainingGraph, trainingGraph } from '../training/training-graph.js';
import { checkWeights } from '../weights/check-weights.js';
import { readFloats, type StoredTensor } from '../weights/safetensors.js';
import type { Case } from './case.js';
import type { CaseKind, Output } from './case-kind.js';
import { DATA_MEAN, frameMean } from './frame-mean.js';
import { floatsOf } from './network-graph.js';
import { configOf, dqFormerCaseConfigOf, EMBEDS, unetConfigOf } from './networks.js';

const AID = 'every adapter, every attn2, the whole DQFormer';
const trainingCaseConfig = z.object({
  trainable: z.enum([AID, 'everything']).default(AID),
  data_mean: DATA_MEAN,
});
export const trainingCase: CaseKind = {
  tolerance: 1e-3,
  inputs: [...EMBEDS, 'frame_latents', 'added_time_ids', 'clean_latents', 'noise', 'sigma'],
  run: async (engine, given) => {
    const { trainable, data_mean } = configOf(given, trainingCaseConfig);
    const read = Object.fromEntries(trainingCase.inputs.map((name) => [name, given.floats(name)]));
    // The network sees latents about their mean, as in the trainer's batches.
    const mean = data_mean === 'frame' ? frameMean(given.floats('frame_latents')) : undefined;
    const data = { ...read, clean_latents: shifted(given.floats('clean_latents'), mean, -1) };
    const used = { unet: given.used('unet-aid'), dqformer: given.used('dqformer') };
    const { graph, trained } = refusing(given.name, () =>
      trainingGraphOf(given.name, data, used, (key) => trainable === 'everything' || ADAPTED_KEYS.test(key)),
    );
    const weights = new Map<string, StoredTensor>();
    for (const [prefix, { weights: own }] of Object.entries(used))
      for (const [key, tensor] of own) weights.set(`${prefix}.${key}`, tensor);
    checkWeights(given.name, [graph], weights);

    // What is trained goes in at every run, as in the training loop.
    const session = await engine.load(graph, {
      weights: (key) => (trained.has(key) ? undefined : weights.get(key)),
    });
    try {
      const parameters = Object.fromEntries(
        [...trained.keys()].map((key) => {
          const stored = weights.get(key) as StoredTensor;
          return [key, floatTensor(stored.shape, readFloats(stored))];
        }),
      );
      const { tensors } = await session.run({ ...data, ...parameters });
      const outputs = new Map<string, Output>([
        ['loss', { dims: [1], data: floatsOf('loss', tensors['loss']).data }],
        ['denoised', shifted(floatsOf('denoised', tensors['denoised']), mean, 1)],
      ]);
      for (const key of trained.keys()) outputs.set(`grad.${key}`, floatsOf(key, tensors[gradientName(key)]));
      return outputs;
    } finally {
      await session.release();
    }
  },
};

function shifted(tensor: FloatTensor, by: Float32Array | undefined, sign: 1 | -1): FloatTensor {
  if (by === undefined) return tensor;
  return floatTensor(
    tensor.dims,
    tensor.data.map((value, i) => value + sign * (by[i] ?? 0)),
  );
}

function trainingGraphOf(
  name: string,
  data: Readonly<Record<string, FloatTensor>>,
  used: { readonly unet: Case; readonly dqformer: Case },
  isTrained: (key: string) => boolean,
): TrainingGraph {
  const graph = new Graph(name);
  const root = new Scope(graph);
  const inputs = new Map(
    Object.entries(data).map(([key, { dims }]) => [key, graph.input(key, 'float32', dims)]),
  );
  const input = (key: string): Value => inputs.get(key) as Value;
  const tokens = dqFormer(
    root.at('dqformer'),
    {
      instructionEmbeds: input('instruction_embeds'),
      visualEmbeds: input('visual_embeds'),
      stateEmbeds: input('state_embeds'),
    },
    dqFormerCaseConfigOf(used.dqformer),
  );
  const { config, adapters } = unetConfigOf(used.unet);
  const { loss, denoised } = denoisingLoss(
    {
      clean: input('clean_latents'),
      noise: input('noise'),
      sigma: input('sigma'),
      frameLatents: input('frame_latents'),
    },
    (sample, timestep) =>
      unet(
        root.at('unet'),
        { sample, timestep, addedTimeIds: input('added_time_ids'), condition: tokensCondition(tokens) },
        config,
        adapters,
      ),
  );
  return trainingGraph(loss, { denoised }, isTrained);
}
