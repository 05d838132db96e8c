/** A case of a whole sampling run: DQFormer, the UNet, dual guidance, Euler's method. */
import { z } from 'zod';
import { branchesFor, combine, type GuidanceBranch } from '../diffusion/guidance.js';
import { precondition, preconditioned } from '../diffusion/preconditioning.js';
import { euler } from '../diffusion/samplers.js';
import { initialLatents, karrasSigmas } from '../diffusion/schedule.js';
import { AidError } from '../errors.js';
import { joined } from '../joined.js';
import { dqFormer } from '../models/dqformer.js';
import { tokensCondition } from '../models/unet/condition.js';
import { unet } from '../models/unet/unet.js';
import { concat } from '../onnx/ops/layout.js';
import { type FloatTensor, floatTensor } from '../runtime/tensor.js';
import { checkWeights } from '../weights/check-weights.js';
import type { Case } from './case.js';
import type { CaseKind, Output } from './case-kind.js';
import { DATA_MEAN, frameMean } from './frame-mean.js';
import { buildGraph, floatsOf, openBatch, runGraphs } from './network-graph.js';
import { configOf, dqFormerCaseConfigOf, EMBEDS, unetConfigOf } from './networks.js';

const samplerCaseConfig = z.object({
  num_inference_steps: z.int().positive(),
  sigma_min: z.number().positive(),
  sigma_max: z.number().positive(),
  rho: z.number().positive(),
  frame_guidance: z.number(),
  text_guidance: z.number(),
  data_mean: DATA_MEAN,
});

export const samplerCase: CaseKind = {
  tolerance: 1e-3,
  inputs: [
    ...EMBEDS,
    'null_instruction_embeds',
    'null_state_embeds',
    'frame_latents',
    'added_time_ids',
    'initial_noise',
  ],
  run: async (engine, given) => {
    const parsed = configOf(given, samplerCaseConfig);
    const sigmas = karrasSigmas({
      numInferenceSteps: parsed.num_inference_steps,
      sigmaMin: parsed.sigma_min,
      sigmaMax: parsed.sigma_max,
      rho: parsed.rho,
    });
    const branches = branchesFor({
      frameGuidance: parsed.frame_guidance,
      textGuidance: parsed.text_guidance,
    });
    // All branches run as one batch: [branches * B, ...].
    const each = (of: (branch: GuidanceBranch) => FloatTensor): FloatTensor =>
      stack(branches.map(({ branch }) => of(branch)));

    const dqFormerUsed = given.used('dqformer');
    const embeds = Object.fromEntries(
      EMBEDS.map((name) => [name, openBatch(each((branch) => embedsOf(given, name, branch)))]),
    );
    const dqFormerConfig = dqFormerCaseConfigOf(dqFormerUsed);
    const condition = buildGraph(dqFormerUsed.name, embeds, (scope, input) => ({
      tokens: dqFormer(
        scope,
        {
          instructionEmbeds: input('instruction_embeds'),
          visualEmbeds: input('visual_embeds'),
          stateEmbeds: input('state_embeds'),
        },
        dqFormerConfig,
      ),
    }));
    const { tokens } = Object.fromEntries(await runGraphs(engine, dqFormerUsed, [condition])) as {
      tokens: FloatTensor;
    };

    const frameLatents = given.floats('frame_latents');
    const noise = given.floats('initial_noise');
    const batch = noise.dims[0] ?? 0;
    const inputs = {
      latents: each(() => noise),
      frame_latents: each((branch) => (branch === 'none' ? zeros(frameLatents) : frameLatents)),
      timestep: filled(branches.length * batch, 0),
      added_time_ids: each(() => given.floats('added_time_ids')),
      tokens,
    };
    const unetUsed = given.used('unet-aid');
    const { config, adapters } = unetConfigOf(unetUsed);
    const open = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, openBatch(tensor)]),
    );
    const { graph } = buildGraph(unetUsed.name, open, (scope, input) => ({
      output: unet(
        scope,
        {
          sample: concat([input('latents'), input('frame_latents')], 2),
          timestep: input('timestep'),
          addedTimeIds: input('added_time_ids'),
          condition: tokensCondition(input('tokens')),
        },
        config,
        adapters,
      ),
    }));
    checkWeights(unetUsed.name, [graph], unetUsed.weights);
    const session = await engine.load(graph, { weights: (key) => unetUsed.weights.get(key) });
    try {
      const mean = parsed.data_mean === 'frame' ? frameMean(frameLatents) : undefined;
      const denoise = preconditioned(async (scaled, cNoise) => {
        const latents = stack(branches.map(() => floatTensor(noise.dims, scaled)));
        const timestep = filled(branches.length * batch, cNoise);
        const { tensors } = await session.run({ ...inputs, latents, timestep });
        const { data } = floatsOf('output', tensors['output']);
        const size = data.length / branches.length;
        return combine(
          branches,
          branches.map((_, i) => data.subarray(i * size, (i + 1) * size)),
        );
      }, mean);
      const start = initialLatents(noise.data, sigmas, mean);
      const latents = [start];
      for await (const { x } of euler(denoise, start, sigmas)) latents.push(x);
      const timesteps = sigmas.slice(0, -1).map((sigma) => precondition(sigma).cNoise);
      return new Map<string, Output>([
        ['sigmas', { dims: [sigmas.length], data: sigmas }],
        ['timesteps', { dims: [timesteps.length], data: timesteps }],
        ['latents_after_each_step', stack(latents.map((data) => floatTensor([1, ...noise.dims], data)))],
      ]);
    } finally {
      await session.release();
    }
  },
};

/** Eq. 8: `frame` has empty texts, `none` no frame either. */
function embedsOf(given: Case, name: (typeof EMBEDS)[number], branch: GuidanceBranch): FloatTensor {
  if (branch === 'full') return given.floats(name);
  if (name !== 'visual_embeds') return given.floats(`null_${name}`);
  return branch === 'frame' ? given.floats(name) : zeros(given.floats(name));
}

const zeros = ({ dims, data }: FloatTensor): FloatTensor => floatTensor(dims, new Float32Array(data.length));

const filled = (size: number, value: number): FloatTensor =>
  floatTensor([size], new Float32Array(size).fill(value));

/** Tensors one after another along the first dimension. */
function stack(parts: readonly FloatTensor[]): FloatTensor {
  const [first] = parts;
  if (first === undefined || parts.some(({ dims }) => dims.slice(1).join() !== first.dims.slice(1).join())) {
    const shapes = parts.map(({ dims }) => `[${dims.join(',')}]`).join(', ');
    throw new AidError('invalid-data', `expected tensors that stand side by side in a batch, got ${shapes}`);
  }
  const size = first.data.length;
  const rows = size === 0 ? 0 : parts.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0);
  const data = joined(parts.map((part) => part.data));
  return floatTensor([rows, ...first.dims.slice(1)], data);
}
