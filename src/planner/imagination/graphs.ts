/**
 * The four graphs of a clip, in the order of Figure 2 of the paper: observe the given frames, condition on
 * them and the texts, denoise (many times), decode. Whatever does not change between denoising steps, the
 * cross-attentions' keys and values too, is on the near side of the border.
 */
import { COMPONENTS } from '../models/aid.js';
import { adapterConfigOf, conditionTokenCount, dqFormerConfigOf } from '../models/aid-config.js';
import { spatialFactor } from '../models/autoencoder/config.js';
import { decodeLatentsInSteps } from '../models/autoencoder/decoder.js';
import { encodeImages } from '../models/autoencoder/encoder.js';
import { clipText } from '../models/clip/text.js';
import { clipVision } from '../models/clip/vision.js';
import { dqFormer } from '../models/dqformer.js';
import {
  type Condition,
  precomputedCondition,
  recordingCondition,
  tokensCondition,
} from '../models/unet/condition.js';
import { unetInSteps } from '../models/unet/unet.js';
import { Graph, type Value } from '../onnx/graph.js';
import { reshape, slice } from '../onnx/ops/layout.js';
import { Scope } from '../onnx/scope.js';
import { BATCH, times } from '../onnx/shape.js';
import { atOnce, type Steps } from '../turns.js';
import type { Networks } from './networks.js';

export interface ClipGeometry {
  /** Frames F of the clip. */
  readonly numFrames: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

export type GraphBuilder = (networks: Networks, geometry: ClipGeometry) => Graph;
/** Builds a graph with pauses. */
export type SteppedGraphBuilder = (networks: Networks, geometry: ClipGeometry) => Steps<Graph>;

/** The latents' C, h, w. */
export function latentDims({ vae }: Networks, { width, height }: ClipGeometry): [number, number, number] {
  const factor = spatialFactor(vae);
  return [vae.latent_channels, height / factor, width / factor];
}

/** `pixels` [B,3,H,W] -> `latents` [B,C,h,w], the posterior's mode, not scaled. */
export function frameEncoderGraph({ vae }: Networks, { width, height }: ClipGeometry): Graph {
  const graph = new Graph('frame encoder');
  const pixels = graph.input('pixels', 'float32', [BATCH, 3, height, width]);
  graph.output('latents', encodeImages(new Scope(graph, COMPONENTS.vae), pixels, vae).mean);
  return graph;
}

/** `clip_pixels` [B,3,S,S] -> `visual_embeds` [B,V,D]. */
export function visionGraph({ vision }: Networks): Graph {
  const graph = new Graph('vision tower');
  const pixels = graph.input('clip_pixels', 'float32', [BATCH, 3, vision.image_size, vision.image_size]);
  graph.output(
    'visual_embeds',
    clipVision(new Scope(graph, COMPONENTS.imageEncoder), pixels, vision).lastHiddenState,
  );
  return graph;
}

/**
 * `text_ids` [B,1+S,L] (the instruction's, then the states') and `visual_embeds` [B,V,D] -> keys and values of
 * every `attn2` of the UNet, named by its path.
 */
export const conditionGraph: GraphBuilder = (networks, geometry) =>
  atOnce(conditionGraphInSteps(networks, geometry));

export function* conditionGraphInSteps(networks: Networks, geometry: ClipGeometry): Steps<Graph> {
  const { aid, text, vision } = networks;
  const graph = new Graph('condition');
  const root = new Scope(graph);
  const [texts, length] = [1 + aid.num_states, aid.text_length];
  const ids = graph.input('text_ids', 'int64', [BATCH, texts, length]);
  const visualCount = 1 + Math.floor(vision.image_size / vision.patch_size) ** 2;
  const visualEmbeds = graph.input('visual_embeds', 'float32', [BATCH, visualCount, vision.hidden_size]);
  const hidden = clipText(root.at(COMPONENTS.textEncoder), reshape(ids, [times(BATCH, texts), length]), text);
  yield;
  const perClip = reshape(hidden.lastHiddenState, [BATCH, texts * length, text.hidden_size]);
  const tokens = dqFormer(
    root.at(COMPONENTS.dqformer),
    {
      instructionEmbeds: slice(perClip, 1, 0, length),
      stateEmbeds: slice(perClip, 1, length, texts * length),
      visualEmbeds,
    },
    dqFormerConfigOf(aid),
  );
  yield;
  // A clip shorter than the model's has the first frames' tokens.
  const recorder = recordingCondition(tokensCondition(slice(tokens, 1, 0, geometry.numFrames)));
  yield* buildUNet(root, networks, geometry, recorder.condition);
  for (const [name, value] of recorder.recorded) graph.output(name, value);
  return graph;
}

/** `sample` [B,F,2C,h,w], `timestep` [B], `added_time_ids` [B,3] and the keys and values -> `output` [B,F,C,h,w]. */
export const denoiserGraph: GraphBuilder = (networks, geometry) =>
  atOnce(denoiserGraphInSteps(networks, geometry));

export function* denoiserGraphInSteps(networks: Networks, geometry: ClipGeometry): Steps<Graph> {
  const graph = new Graph('denoiser');
  const condition = precomputedCondition(BATCH, geometry.numFrames, conditionTokenCount(networks.aid));
  graph.output('output', yield* buildUNet(new Scope(graph), networks, geometry, condition));
  return graph;
}

function* buildUNet(
  root: Scope,
  networks: Networks,
  geometry: ClipGeometry,
  condition: Condition,
): Steps<Value> {
  const [channels, height, width] = latentDims(networks, geometry);
  const { graph } = root;
  return yield* unetInSteps(
    root.at(COMPONENTS.unet),
    {
      sample: graph.input('sample', 'float32', [BATCH, geometry.numFrames, 2 * channels, height, width]),
      timestep: graph.input('timestep', 'float32', [BATCH]),
      addedTimeIds: graph.input('added_time_ids', 'float32', [BATCH, 3]),
      condition,
    },
    networks.unet,
    adapterConfigOf(networks.aid),
  );
}

/** `latents` [B*F,C,h,w], divided by the scaling factor -> `pixels` [B*F,3,H,W]. */
export const decoderGraph: GraphBuilder = (networks, geometry) =>
  atOnce(decoderGraphInSteps(networks, geometry));

export function* decoderGraphInSteps(networks: Networks, geometry: ClipGeometry): Steps<Graph> {
  const graph = new Graph('decoder');
  const { numFrames } = geometry;
  const latents = graph.input('latents', 'float32', [
    times(BATCH, numFrames),
    ...latentDims(networks, geometry),
  ]);
  graph.output(
    'pixels',
    yield* decodeLatentsInSteps(new Scope(graph, COMPONENTS.vae), latents, networks.vae, { numFrames }),
  );
  return graph;
}
