/** Cases that run one network: CLIP's towers, the autoencoder, DQFormer, the UNet. */
import { z } from 'zod';
import { AidError } from '../errors.js';
import type { AdapterConfig } from '../models/adapters.js';
import { autoencoderConfig } from '../models/autoencoder/config.js';
import { decodeLatents } from '../models/autoencoder/decoder.js';
import { encodeImages, standardDeviation } from '../models/autoencoder/encoder.js';
import { clipTextConfig, clipVisionConfig } from '../models/clip/config.js';
import { clipText } from '../models/clip/text.js';
import { clipVision } from '../models/clip/vision.js';
import { type DqFormerConfig, dqFormer } from '../models/dqformer.js';
import { tokensCondition } from '../models/unet/condition.js';
import { unetConfig } from '../models/unet/config.js';
import { unet } from '../models/unet/unet.js';
import { Graph, type Value } from '../onnx/graph.js';
import { Scope } from '../onnx/scope.js';
import { BATCH, type Shape, times } from '../onnx/shape.js';
import type { Engine } from '../runtime/engine.js';
import type { Tensor } from '../runtime/tensor.js';
import type { Case } from './case.js';

export type Outputs = Readonly<Record<string, Tensor>>;

/** Builds a graph with `build` for the given input tensors, whose batch stays open, and runs it. */
export async function runOnce(
  engine: Engine,
  { name, weights }: Case,
  inputs: Readonly<Record<string, Tensor>>,
  shapes: Readonly<Record<string, Shape>>,
  build: (scope: Scope, values: (name: string) => Value) => Readonly<Record<string, Value>>,
): Promise<Outputs> {
  const graph = new Graph(name);
  const values = new Map(
    Object.entries(inputs).map(([key, { dataType }]) => [key, graph.input(key, dataType, shapes[key] ?? [])]),
  );
  const outputs = build(new Scope(graph), (key) => {
    const value = values.get(key);
    if (value === undefined) throw new AidError('invalid-data', `${name}: no input ${key}`);
    return value;
  });
  for (const [key, value] of Object.entries(outputs)) graph.output(key, value);
  const session = await engine.load(graph, { weights: (key) => weights.get(key) });
  try {
    return (await session.run(inputs)).tensors;
  } finally {
    await session.release();
  }
}

/** The dims with the first one replaced by the batch, in units of `perBatch`. */
const openBatch = ({ dims }: Tensor, perBatch = 1): Shape => [times(BATCH, perBatch), ...dims.slice(1)];

export async function clipTextCase(engine: Engine, given: Case): Promise<Outputs> {
  const ids = given.int64s('input_ids');
  const config = clipTextConfig.parse(given.config);
  return runOnce(engine, given, { input_ids: ids }, { input_ids: openBatch(ids) }, (scope, value) => {
    const { lastHiddenState, pooled } = clipText(scope, value('input_ids'), config);
    return { last_hidden_state: lastHiddenState, pooler_output: pooled };
  });
}

export async function clipVisionCase(engine: Engine, given: Case): Promise<Outputs> {
  const pixels = given.floats('pixel_values');
  const config = clipVisionConfig.parse(given.config);
  return runOnce(
    engine,
    given,
    { pixel_values: pixels },
    { pixel_values: openBatch(pixels) },
    (scope, value) => {
      const { lastHiddenState, imageEmbeds } = clipVision(scope, value('pixel_values'), config);
      return { last_hidden_state: lastHiddenState, image_embeds: imageEmbeds };
    },
  );
}

export async function vaeCase(engine: Engine, given: Case): Promise<Outputs> {
  const config = autoencoderConfig.parse(given.config);
  const { num_frames: numFrames } = z.object({ num_frames: z.int().positive() }).parse(given.config);
  const [pixels, latents] = [given.floats('pixels'), given.floats('latents')];
  const encoded = await runOnce(engine, given, { pixels }, { pixels: openBatch(pixels) }, (scope, value) => {
    const posterior = encodeImages(scope, value('pixels'), config);
    return { latent_mode: posterior.mean, latent_std: standardDeviation(posterior) };
  });
  const shapes = { latents: openBatch(latents, numFrames) };
  const decoded = await runOnce(engine, given, { latents }, shapes, (scope, value) => ({
    decoded: decodeLatents(scope, value('latents'), config, { numFrames }),
  }));
  return { ...encoded, ...decoded };
}

const dqFormerCaseConfig = z.object({
  dim: z.int(),
  heads: z.int(),
  num_frames: z.int(),
  num_queries: z.int(),
  text_dim: z.int(),
  vision_dim: z.int(),
  num_layers: z.int().default(1),
});

export function dqFormerConfigOf(config: unknown): DqFormerConfig {
  const parsed = dqFormerCaseConfig.parse(config);
  return {
    dim: parsed.dim,
    heads: parsed.heads,
    numLayers: parsed.num_layers,
    numFrames: parsed.num_frames,
    numQueries: parsed.num_queries,
    textDim: parsed.text_dim,
    visionDim: parsed.vision_dim,
    output: 'mcondition',
    states: true,
  };
}

export async function dqFormerCase(engine: Engine, given: Case): Promise<Outputs> {
  const config = dqFormerConfigOf(given.config);
  const inputs = {
    instruction_embeds: given.floats('instruction_embeds'),
    visual_embeds: given.floats('visual_embeds'),
    state_embeds: given.floats('state_embeds'),
  };
  const shapes = Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, openBatch(tensor)]));
  return runOnce(engine, given, inputs, shapes, (scope, value) => ({
    mcondition: dqFormer(
      scope,
      {
        instructionEmbeds: value('instruction_embeds'),
        visualEmbeds: value('visual_embeds'),
        stateEmbeds: value('state_embeds'),
      },
      config,
    ),
  }));
}

const adapterCaseConfig = z.object({ adapter_reduction: z.int(), adapter_heads: z.int() });

export function adapterConfigOf(config: unknown): AdapterConfig {
  const { adapter_reduction, adapter_heads } = adapterCaseConfig.parse(config);
  return {
    reduction: adapter_reduction,
    heads: adapter_heads,
    kernel: 3,
    spatial: true,
    shortTerm: true,
    longTerm: true,
  };
}

export async function unetCase(engine: Engine, given: Case): Promise<Outputs> {
  const config = unetConfig.parse(given.config);
  const adapters = given.kind === 'unet-aid' ? adapterConfigOf(given.config) : undefined;
  const inputs = {
    sample: given.floats('sample'),
    timestep: given.floats('timestep'),
    encoder_hidden_states: given.floats('encoder_hidden_states'),
    added_time_ids: given.floats('added_time_ids'),
  };
  const shapes = Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, openBatch(tensor)]));
  return runOnce(engine, given, inputs, shapes, (scope, value) => ({
    output: unet(
      scope,
      {
        sample: value('sample'),
        timestep: value('timestep'),
        addedTimeIds: value('added_time_ids'),
        condition: tokensCondition(value('encoder_hidden_states')),
      },
      config,
      adapters,
    ),
  }));
}
