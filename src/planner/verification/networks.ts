/** Cases that run one network: CLIP's towers, the autoencoder, DQFormer, the UNet. */
import { z } from 'zod';
import { AidError } from '../errors.js';
import type { AdapterConfig } from '../models/adapters.js';
import { dqFormerConfig, dqFormerConfigOf } from '../models/aid-config.js';
import { autoencoderConfig } from '../models/autoencoder/config.js';
import { decodeLatents } from '../models/autoencoder/decoder.js';
import { encodeImages, standardDeviation } from '../models/autoencoder/encoder.js';
import { clipTextConfig, clipVisionConfig } from '../models/clip/config.js';
import { clipText } from '../models/clip/text.js';
import { clipVision } from '../models/clip/vision.js';
import { type DqFormerConfig, dqFormer } from '../models/dqformer.js';
import { tokensCondition } from '../models/unet/condition.js';
import { type UNetConfig, unetConfig } from '../models/unet/config.js';
import { unet } from '../models/unet/unet.js';
import type { Tensor } from '../runtime/tensor.js';
import { parseConfig } from '../weights/model-component.js';
import type { Case } from './case.js';
import type { CaseKind } from './case-kind.js';
import { buildGraph, type GraphInput, openBatch, runGraphs } from './network-graph.js';

/** The case's config as that of a network. Errors: `invalid-config`. */
export function configOf<Schema extends z.ZodType>(given: Case, schema: Schema): z.infer<Schema> {
  return parseConfig(schema, given.config, `${given.name}/config.json`);
}

const openBatches = (inputs: Readonly<Record<string, Tensor>>): Record<string, GraphInput> =>
  Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, openBatch(tensor)]));

export const clipTextCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['input_ids'],
  run: (engine, given) => {
    const config = configOf(given, clipTextConfig);
    const inputs = openBatches({ input_ids: given.int64s('input_ids') });
    const built = buildGraph(given.name, inputs, (scope, input) => {
      const { lastHiddenState, pooled } = clipText(scope, input('input_ids'), config);
      return { last_hidden_state: lastHiddenState, pooler_output: pooled };
    });
    return runGraphs(engine, given, [built]);
  },
};

export const clipVisionCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['pixel_values'],
  run: (engine, given) => {
    const config = configOf(given, clipVisionConfig);
    const inputs = openBatches({ pixel_values: given.floats('pixel_values') });
    const built = buildGraph(given.name, inputs, (scope, input) => {
      const { lastHiddenState, imageEmbeds } = clipVision(scope, input('pixel_values'), config);
      return { last_hidden_state: lastHiddenState, image_embeds: imageEmbeds };
    });
    return runGraphs(engine, given, [built]);
  },
};

const clipLength = z.object({ num_frames: z.int().positive() });

export const autoencoderCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['pixels', 'latents'],
  run: (engine, given) => {
    const config = configOf(given, autoencoderConfig);
    const { num_frames: numFrames } = configOf(given, clipLength);
    const [pixels, latents] = [given.floats('pixels'), given.floats('latents')];
    if ((latents.dims[0] ?? 0) % numFrames !== 0) {
      throw new AidError(
        'invalid-data',
        `${given.name}: latents: expected a multiple of ${numFrames} frames, got [${latents.dims.join(',')}]`,
      );
    }
    const encoder = buildGraph(`${given.name}.encoder`, openBatches({ pixels }), (scope, input) => {
      const posterior = encodeImages(scope, input('pixels'), config);
      return { latent_mode: posterior.mean, latent_std: standardDeviation(posterior) };
    });
    const decoderInputs = { latents: openBatch(latents, numFrames) };
    const decoder = buildGraph(`${given.name}.decoder`, decoderInputs, (scope, input) => ({
      decoded: decodeLatents(scope, input('latents'), config, { numFrames }),
    }));
    return runGraphs(engine, given, [encoder, decoder]);
  },
};

const partsOfDqFormer = z.object({
  output: dqFormerConfig.shape.output.unwrap().optional(),
  states: z.boolean().optional(),
});

/** DQFormer's config; which of its parts there are is read off the weights where the config does not say it. */
export function dqFormerCaseConfigOf(given: Case): DqFormerConfig {
  const { output, states } = configOf(given, partsOfDqFormer);
  const has = (part: string): boolean => keysWith(given, part).length > 0;
  const [instruction, frame] = [has('instruction_branch'), has('frame_branch')];
  const branches = frame ? (instruction ? 'mcondition' : 'decomposed') : instruction ? 'multimodal' : 'text';
  const parts = { output: output ?? branches, states: states ?? has('state_attn') };
  return dqFormerConfigOf({ dqformer: { ...configOf(given, dqFormerConfig), ...parts } });
}

/** Names of the weights that have this one among their parts. */
function keysWith(given: Case, part: string): string[] {
  return [...given.weights.keys()].filter((key) => key.split('.').includes(part));
}

/** DQFormer's inputs in io.safetensors. */
export const EMBEDS = ['instruction_embeds', 'visual_embeds', 'state_embeds'] as const;

export const dqFormerCase: CaseKind = {
  tolerance: 1e-4,
  inputs: EMBEDS,
  run: (engine, given) => {
    const config = dqFormerCaseConfigOf(given);
    const inputs = openBatches(Object.fromEntries(EMBEDS.map((name) => [name, given.floats(name)])));
    const built = buildGraph(given.name, inputs, (scope, input) => ({
      mcondition: dqFormer(
        scope,
        {
          instructionEmbeds: input('instruction_embeds'),
          visualEmbeds: input('visual_embeds'),
          stateEmbeds: input('state_embeds'),
        },
        config,
      ),
    }));
    return runGraphs(engine, given, [built]);
  },
};

const ADAPTERS = ['spatial', 'short_term', 'long_term'] as const;
const adapterCaseConfig = z.object({
  adapter_reduction: z.int().positive().optional(),
  adapter_heads: z.int().positive().default(1),
  adapters: z.array(z.enum(ADAPTERS)).optional(),
});

/**
 * A UNet's config and that of its adapters, where it has any: which ones, by how much they narrow and how many frames
 * they see is read off the weights where the config does not say it.
 */
export function unetConfigOf(given: Case): {
  readonly config: UNetConfig;
  readonly adapters?: AdapterConfig;
} {
  const config = configOf(given, unetConfig);
  const { adapter_reduction, adapter_heads: heads, adapters } = configOf(given, adapterCaseConfig);
  const found = adapters ?? ADAPTERS.filter((name) => keysWith(given, `${name}_adapter`).length > 0);
  const shapesOf = (part: string): (readonly number[])[] =>
    found
      .flatMap((name) => keysWith(given, `${name}_adapter`))
      .filter((key) => key.endsWith(`.${part}.weight`))
      .map((key) => given.weights.get(key)?.shape ?? []);
  const [narrow = 1, wide = 1] = shapesOf('down')[0] ?? [];
  const reduction = adapter_reduction ?? Math.round(wide / narrow);
  if (adapter_reduction === undefined && found.length === 0) return { config };
  return {
    config,
    adapters: {
      reduction,
      heads,
      kernel: shapesOf('conv')[0]?.at(-1) ?? 3,
      spatial: found.includes('spatial'),
      shortTerm: found.includes('short_term'),
      longTerm: found.includes('long_term'),
    },
  };
}

export const unetCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['sample', 'timestep', 'encoder_hidden_states', 'added_time_ids'],
  run: (engine, given) => {
    const { config, adapters } = unetConfigOf(given);
    const inputs = openBatches(Object.fromEntries(unetCase.inputs.map((name) => [name, given.floats(name)])));
    const built = buildGraph(given.name, inputs, (scope, input) => ({
      output: unet(
        scope,
        {
          sample: input('sample'),
          timestep: input('timestep'),
          addedTimeIds: input('added_time_ids'),
          condition: tokensCondition(input('encoder_hidden_states')),
        },
        config,
        adapters,
      ),
    }));
    return runGraphs(engine, given, [built]);
  },
};
