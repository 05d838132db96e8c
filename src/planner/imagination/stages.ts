/**
 * The networks of a model as functions of numbers. Each is a graph that is built and loaded when it is first needed
 * and kept for the next clip.
 */
import type { StatePrompt } from '../conditioning/state-prompter.js';
import type { Denoise } from '../diffusion/denoise.js';
import { combine, type WeightedBranch } from '../diffusion/guidance.js';
import { preconditioned } from '../diffusion/preconditioning.js';
import { AidError } from '../errors.js';
import { joined } from '../joined.js';
import { Graph } from '../onnx/graph.js';
import type { Engine, GraphSession, ResidentTensor, RunInput, RunResult } from '../runtime/engine.js';
import { floatTensor, int64Tensor, sharedFloats, type Tensor } from '../runtime/tensor.js';
import { inTurns } from '../turns.js';
import { dataMean } from './data-mean.js';
import { decodeChunks } from './decode-chunks.js';
import {
  type ClipGeometry,
  conditionGraphInSteps,
  decoderGraphInSteps,
  denoiserGraphInSteps,
  frameEncoderGraph,
  type GraphBuilder,
  latentDims,
  type SteppedGraphBuilder,
  visionGraph,
} from './graphs.js';
import { imageLatents } from './image-latents.js';
import type { Networks } from './networks.js';
import type { Observation } from './observation.js';
import type { PreviewDownscale, ResolvedRequest } from './request.js';
import { SessionCache } from './session-cache.js';

/** Sessions kept: the six graphs of two geometries, and decoders of three sizes of preview. */
const SESSIONS = 15;

/** What every cross-attention reads; held by the engine until released. */
export type KeysAndValues = Readonly<Record<string, ResidentTensor>>;

export class Stages {
  readonly #engine: Engine;
  readonly #sha256: string;
  readonly #sessions: SessionCache;
  readonly #abortSignal: AbortSignal | undefined;

  constructor(
    readonly networks: Networks,
    engine: Engine,
    sha256: string,
    sessions = new SessionCache(SESSIONS),
    abortSignal?: AbortSignal,
  ) {
    this.#engine = engine;
    this.#sha256 = sha256;
    this.#sessions = sessions;
    this.#abortSignal = abortSignal;
  }

  /**
   * The same, with the same loaded graphs, for work that is given up when the signal aborts: a run that the
   * engine was not given yet, and any that a server computes, ends with `aborted`.
   */
  until(abortSignal: AbortSignal | undefined): Stages {
    return new Stages(this.networks, this.#engine, this.#sha256, this.#sessions, abortSignal);
  }

  geometry(numFrames: number): ClipGeometry {
    const { width, height } = this.networks.aid.video;
    return { numFrames, width, height };
  }

  /** What a clip runs after its frames were observed. */
  async load({ previewFrames, previewDownscale }: ResolvedRequest, geometry: ClipGeometry): Promise<void> {
    const load = (build: AnyGraphBuilder, at = geometry) => this.#use(build, at, async () => undefined);
    await load(conditionGraphInSteps);
    await load(denoiserGraphInSteps);
    if (previewFrames.length > 0) await load(decoderGraphInSteps, stillOf(geometry, previewDownscale));
    for (const numFrames of new Set(decodeChunks(this.networks, geometry)))
      await load(decoderGraphInSteps, { ...geometry, numFrames });
  }

  /** Pixels [3, H, W] in [-1, 1] to the posterior's mode, not scaled, [C, h, w]. */
  async encode(pixels: Float32Array): Promise<Float32Array> {
    const geometry = this.geometry(this.networks.aid.dqformer.num_frames);
    const { width, height } = geometry;
    const [channels, h, w] = latentDims(this.networks, geometry);
    const inputs = { pixels: floatTensor([1, 3, height, width], pixels) };
    return floats(await this.#run(frameEncoderGraph, geometry, inputs), 'latents', channels * h * w);
  }

  /** Pixels [3, S, S] as CLIP wants them to its last hidden state, [V, D]. */
  async see(clipPixels: Float32Array): Promise<Float32Array> {
    const geometry = this.geometry(this.networks.aid.dqformer.num_frames);
    const side = this.networks.vision.image_size;
    const inputs = { clip_pixels: floatTensor([1, 3, side, side], clipPixels) };
    return floats(await this.#run(visionGraph, geometry, inputs), 'visual_embeds');
  }

  /** Keys and values of every cross-attention, a row of the batch for each branch. They stay with the engine. */
  async condition(
    { visualEmbeds }: Observation,
    instruction: string,
    { states }: StatePrompt,
    branches: readonly WeightedBranch[],
    geometry: ClipGeometry,
  ): Promise<KeysAndValues> {
    const { aid, tokenizer, vision } = this.networks;
    const length = aid.text_length;
    const ids = branches.flatMap(({ branch }) => {
      const texts = [instruction, ...states].map((text) => (branch === 'full' ? text : ''));
      return texts.map((text) => tokenizer.encode(text, { length }).inputIds);
    });
    const textIds = new BigInt64Array(ids.length * length);
    ids.forEach((row, i) => {
      textIds.set(row, i * length);
    });
    const visual = new Float32Array(branches.length * visualEmbeds.length);
    branches.forEach(({ branch }, i) => {
      if (branch !== 'none') visual.set(visualEmbeds, i * visualEmbeds.length);
    });
    const width = vision.hidden_size;
    const inputs = {
      text_ids: int64Tensor([branches.length, 1 + states.length, length], textIds),
      visual_embeds: floatTensor([branches.length, visualEmbeds.length / width, width], visual),
    };
    return (await this.#session(conditionGraphInSteps, geometry, inputs, 'all')).resident;
  }

  /** D(x, sigma) with dual guidance: one run of the UNet for all branches. `given`: latents of the given frames. */
  denoiser(
    branches: readonly WeightedBranch[],
    given: readonly Float32Array[],
    keysAndValues: KeysAndValues,
    geometry: ClipGeometry,
  ): Denoise {
    const { video, fill } = this.networks.aid;
    const [channels, height, width] = latentDims(this.networks, geometry);
    const { numFrames } = geometry;
    const plane = channels * height * width;
    const frameLatents = imageLatents(given, numFrames, plane, fill);
    const batch = branches.length;
    const timeIds = branches.flatMap(() => [
      video.frames_per_second - 1,
      video.motion_bucket_id,
      video.noise_augmentation,
    ]);
    // Seen by the engine's thread as it is: nothing is copied on this one.
    const sample = sharedFloats(new Float32Array(batch * numFrames * 2 * plane));
    return preconditioned(
      async (scaled, cNoise) => {
        branches.forEach(({ branch }, b) => {
          for (let frame = 0; frame < numFrames; frame++) {
            const from = frame * plane;
            const to = (b * numFrames + frame) * 2 * plane;
            sample.set(scaled.subarray(from, from + plane), to);
            if (branch !== 'none') sample.set(frameLatents.subarray(from, from + plane), to + plane);
          }
        });
        const inputs = {
          sample: floatTensor([batch, numFrames, 2 * channels, height, width], sample),
          timestep: floatTensor([batch], new Float32Array(batch).fill(cNoise)),
          added_time_ids: floatTensor([batch, 3], Float32Array.from(timeIds)),
          ...keysAndValues,
        };
        const output = floats(await this.#run(denoiserGraphInSteps, geometry, inputs), 'output');
        const size = output.length / batch;
        return combine(
          branches,
          branches.map((_, b) => output.subarray(b * size, (b + 1) * size)),
        );
      },
      this.dataMean(given, geometry),
    );
  }

  /** The mean that a clip's latents are taken to have, [F, C, h, w]; undefined where it is 0. */
  dataMean(given: readonly Float32Array[], { numFrames }: ClipGeometry): Float32Array | undefined {
    const { aid, vae } = this.networks;
    if (aid.data_mean === 'zero') return undefined;
    return dataMean(given, numFrames, vae.scaling_factor);
  }

  /** Latents [F, C, h, w] to pixels [F, 3, H, W]. */
  async decode(latents: Float32Array, geometry: ClipGeometry): Promise<Float32Array> {
    const chunks = decodeChunks(this.networks, geometry);
    if (chunks.length === 1) return this.#decode(latents, geometry);
    const size = latents.length / geometry.numFrames;
    const pixels: Float32Array[] = [];
    let from = 0;
    for (const numFrames of chunks) {
      const chunk = latents.subarray(from, from + numFrames * size);
      pixels.push(await this.#decode(chunk, { ...geometry, numFrames }));
      from += numFrames * size;
    }
    return joined(pixels);
  }

  async #decode(latents: Float32Array, geometry: ClipGeometry): Promise<Float32Array> {
    const { scaling_factor: factor } = this.networks.vae;
    const dims = [geometry.numFrames, ...latentDims(this.networks, geometry)];
    const inputs = {
      latents: floatTensor(
        dims,
        latents.map((value) => value / factor),
      ),
    };
    return floats(await this.#run(decoderGraphInSteps, geometry, inputs), 'pixels');
  }

  async #run(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    inputs: Readonly<Record<string, RunInput>>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    return (await this.#session(build, geometry, inputs)).tensors;
  }

  async #session(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    inputs: Readonly<Record<string, RunInput>>,
    keep: 'all' | 'none' = 'none',
  ): Promise<RunResult> {
    const abortSignal = this.#abortSignal;
    return this.#use(build, geometry, (session) =>
      session.run(inputs, { abortSignal, ...(keep === 'all' ? { keep: session.outputNames } : {}) }),
    );
  }

  #use<Result>(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    work: (session: GraphSession) => Promise<Result>,
  ): Promise<Result> {
    const { tensors } = this.networks;
    const load = async () => {
      const built = build(this.networks, geometry);
      const graph = built instanceof Graph ? built : await inTurns(built);
      return this.#engine.load(graph, { weights: (key) => tensors.get(key), weightsSha256: this.#sha256 });
    };
    const { numFrames, width, height } = geometry;
    const key = `${build.name} ${numFrames}x${width}x${height}`;
    return this.#sessions.use(key, load, work, this.#abortSignal);
  }
}

type AnyGraphBuilder = GraphBuilder | SteppedGraphBuilder;

/** One frame as a clip of its own. */
export function stillOf({ width, height }: ClipGeometry, downscale: PreviewDownscale): ClipGeometry {
  return { numFrames: 1, width: width / downscale, height: height / downscale };
}

export async function release(keysAndValues: KeysAndValues): Promise<void> {
  await Promise.all(Object.values(keysAndValues).map((tensor) => tensor.release()));
}

function floats(tensors: Readonly<Record<string, Tensor>>, name: string, size?: number): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array) || (size !== undefined && data.length !== size)) {
    throw new AidError(
      'engine-failed',
      `${name}: expected ${size ?? 'some'} floats, got ${data?.length ?? 'none'}`,
    );
  }
  return data;
}
