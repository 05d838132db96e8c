/** What a clip would cost in memory and time, known before any weights are read. */
import { branchesFor } from '../diffusion/guidance.js';
import { evaluationsOf } from '../diffusion/samplers.js';
import {
  type EngineSpeed,
  type GraphCost,
  graphCost,
  MOST_HALF_BYTES_CAST_AT_LOAD,
  secondsOf,
} from '../runtime/estimate.js';
import { decodeChunks } from './decode-chunks.js';
import {
  conditionGraph,
  decoderGraph,
  denoiserGraph,
  frameEncoderGraph,
  type GraphBuilder,
  visionGraph,
} from './graphs.js';
import type { Networks } from './networks.js';
import { type ImagineRequest, resolveSettings, type Sampling } from './request.js';

/** What decides the cost of a clip. */
export type ClipSettings = Pick<
  ImagineRequest,
  'numFrames' | 'numInferenceSteps' | 'sampler' | 'frameGuidance' | 'textGuidance' | 'preset'
>;

export interface ClipEstimate {
  readonly numFrames: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly sampling: Sampling;
  readonly parameterCount: number;
  /** Of the weight files' tensors. */
  readonly fileBytes: number;
  /** Floating-point operations of the whole clip. */
  readonly flops: number;
  /** Resident memory of the process at its peak, about. */
  readonly memory: {
    /** Node and the engine, before any model. */
    readonly processBytes: number;
    readonly weightBytes: number;
    readonly activationBytes: number;
    readonly totalBytes: number;
  };
  /** Milliseconds, about; loading not included. */
  readonly timings?: {
    readonly observeMs: number;
    readonly conditionMs: number;
    readonly stepMs: number;
    readonly decodeMs: number;
    readonly totalMs: number;
  };
}

/** Measured on Linux: node, this package, sharp and onnxruntime with nothing loaded. */
const PROCESS_BYTES = 200e6;
/** An engine's arena keeps more than is alive at once. */
const ARENA = 1.5;

/** Errors: `invalid-argument`. Without a speed there are no timings. */
export function estimateClip(
  networks: Networks,
  settings: ClipSettings = {},
  speed?: EngineSpeed,
): ClipEstimate {
  const { numFrames, sampling } = resolveSettings({ ...settings, instruction: 'any' }, networks);
  const { width, height } = networks.aid.video;
  const geometry = { numFrames, width, height };
  const branches = branchesFor(sampling).length;
  const cost = (build: GraphBuilder, batch: number, at = geometry): GraphCost =>
    graphCost(build(networks, at), batch);
  const [chunk = numFrames] = decodeChunks(networks, geometry);
  const costs = {
    encoder: cost(frameEncoderGraph, 1),
    vision: cost(visionGraph, 1),
    condition: cost(conditionGraph, branches),
    denoiser: cost(denoiserGraph, branches),
    decoder: cost(decoderGraph, 1, { ...geometry, numFrames: chunk }),
  };
  /** Runs of the decoder; the last one may have fewer frames. */
  const decodings = numFrames / chunk;
  const { numInferenceSteps: steps } = sampling;
  const evaluations = evaluationsOf(sampling.sampler, steps);
  const all = Object.values(costs);
  const activationBytes = ARENA * all.reduce((sum, each) => sum + each.activationBytes, 0);
  const stored = [...networks.tensors.values()];
  const parameterCount = stored.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const fileBytes = stored.reduce((sum, { length }) => sum + length, 0);
  const isHalf = fileBytes < 3 * parameterCount;
  const weightBytes = all.reduce((sum, { parameterBytes }) => {
    const half = parameterBytes / 2;
    return sum + (isHalf && half > MOST_HALF_BYTES_CAST_AT_LOAD ? half : parameterBytes);
  }, 0);
  return {
    numFrames,
    width,
    height,
    sampling,
    parameterCount,
    fileBytes,
    flops: all.reduce(
      (sum, { flops }) => sum + flops,
      (evaluations - 1) * costs.denoiser.flops + (decodings - 1) * costs.decoder.flops,
    ),
    memory: {
      processBytes: PROCESS_BYTES,
      weightBytes,
      activationBytes,
      totalBytes: PROCESS_BYTES + weightBytes + activationBytes,
    },
    ...(speed === undefined ? {} : { timings: timingsOf(costs, { evaluations, steps, decodings }, speed) }),
  };
}

function timingsOf(
  {
    encoder,
    vision,
    condition,
    denoiser,
    decoder,
  }: Readonly<Record<'encoder' | 'vision' | 'condition' | 'denoiser' | 'decoder', GraphCost>>,
  { evaluations, steps, decodings }: Readonly<Record<'evaluations' | 'steps' | 'decodings', number>>,
  speed: EngineSpeed,
): NonNullable<ClipEstimate['timings']> {
  const ms = (cost: GraphCost): number => 1000 * secondsOf(cost, speed);
  const observeMs = ms(encoder) + ms(vision);
  const conditionMs = ms(condition);
  const denoiseMs = evaluations * ms(denoiser);
  const decodeMs = decodings * ms(decoder);
  const totalMs = observeMs + conditionMs + denoiseMs + decodeMs;
  return { observeMs, conditionMs, stepMs: denoiseMs / steps, decodeMs, totalMs };
}
