/** The autoencoder recipe: trains an AutoencoderKLTemporalDecoder on short clips of the videos. */
import { join } from 'node:path';
import { z } from 'zod';
import { frameToPixels } from '../../conditioning/image-tensors.js';
import { AidError } from '../../errors.js';
import { joined } from '../../joined.js';
import { COMPONENTS } from '../../models/aid.js';
import {
  type AutoencoderConfig,
  autoencoderConfig,
  frameChannels,
  spatialFactor,
} from '../../models/autoencoder/config.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import { Random } from '../../random.js';
import { floatTensor, type Tensor } from '../../runtime/tensor.js';
import { configOf, type ModelComponent } from '../../weights/model-component.js';
import { type ModelFolder, PART_NAMES } from '../../weights/model-folder.js';
import { readFloats } from '../../weights/safetensors.js';
import { dataConfig } from '../data/data-config.js';
import {
  describeRecordings,
  type Episode,
  type EpisodeSet,
  evenlySpread,
  type OpenedRecording,
  type Recording,
  reasonToSkip,
  type SkippedEpisode,
} from '../data/episode.js';
import type { Recipe } from '../recipe.js';
import { reconstructionLoss } from '../reconstruction-loss.js';
import { trainingGraph } from '../training-graph.js';
import { disagreements } from './agreement.js';
import { describeBase } from './base-source.js';
import { prefixed, writeComponent, writeJson } from './component-files.js';
import { FrozenParts, frozenPartsConfig } from './frozen-parts.js';
import { componentOf } from './networks.js';

export const autoencoderRecipeConfig = z.object({
  recipe: z.literal('autoencoder'),
  data: dataConfig,
  /** That of `start` unless said otherwise. */
  vae: autoencoderConfig.optional(),
  /** Pixels. */
  frame: z.object({ width: z.int().positive(), height: z.int().positive() }),
  /**
   * Frames of a whole clip, spread evenly over an episode; the training clips are cut out of these. `clipLength` says
   * how many where the config file does not.
   */
  framesPerEpisode: z.int().positive(),
  /** Consecutive frames in a training clip. */
  framesPerClip: z.int().positive().default(4),
  clipsPerRun: z.int().positive().default(4),
  absoluteErrorWeight: z.number().nonnegative().default(0.1),
  divergenceWeight: z.number().nonnegative().default(1e-4),
  /** Only the decoder, as SVD's was: latents stay what they are, and so does all that was trained on them. */
  train: z.enum(['all', 'decoder']).default('all'),
  /** Of the model whose decoder is trained. */
  frozenParts: frozenPartsConfig.optional(),
});
export type AutoencoderRecipeConfig = z.infer<typeof autoencoderRecipeConfig>;

/** Enough where one episode in ten can be read. */
const MAX_ATTEMPTS = 200;

/** `skip` is told of each episode that cannot be read, once; `start`: a model folder whose autoencoder is trained further. */
export function autoencoderRecipe(
  config: AutoencoderRecipeConfig,
  seed: number,
  set: EpisodeSet,
  skip: (episode: SkippedEpisode) => void,
  start?: ModelFolder,
  parts = 1,
): Recipe {
  const { frame, framesPerClip, clipsPerRun } = config;
  const begun = start === undefined ? undefined : componentOf(start, COMPONENTS.vae);
  const vae = networkOf(config, start, begun);
  const factor = spatialFactor(vae);
  if (frameChannels(vae) !== 3 || frame.width % factor !== 0 || frame.height % factor !== 0) {
    throw new AidError(
      'invalid-config',
      `vae: expected 3 colour channels and a frame divisible by ${factor}, got ${frameChannels(vae)} and ${frame.width}x${frame.height}`,
    );
  }
  if (framesPerClip > config.framesPerEpisode) {
    throw new AidError(
      'invalid-config',
      `framesPerClip: expected at most framesPerEpisode, ${config.framesPerEpisode}, got ${framesPerClip}`,
    );
  }
  const images = clipsPerRun * framesPerClip;
  const frameDims = [images, 3, frame.height, frame.width];
  const noiseDims = [images, vae.latent_channels, frame.height / factor, frame.width / factor];

  const graph = new Graph('autoencoder-training');
  const { loss, meanSquaredError, divergence, latentPower } = reconstructionLoss(
    new Scope(graph, 'vae'),
    graph.input('frames', 'float32', [images / parts, ...frameDims.slice(1)]),
    graph.input('noise', 'float32', [images / parts, ...noiseDims.slice(1)]),
    vae,
    framesPerClip,
    { absoluteError: config.absoluteErrorWeight, divergence: config.divergenceWeight },
  );
  const { folder: dataFolder, noun, recordings } = set;
  // A decoder's model has the other parts of its start.
  const parent = config.train === 'decoder' && start !== undefined ? { start: describeBase(start) } : {};
  const sources = { [noun]: describeRecordings(set), ...parent };
  const skipped = new Set<string>();
  /** Also those that could not be opened: it means to read all of a recording. What is kept has no pictures. */
  const opened = new Map<Recording, Promise<OpenedRecording>>();
  const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

  function tell(episode: SkippedEpisode): void {
    if (!skipped.has(episode.name)) skip(episode);
    skipped.add(episode.name);
  }

  /** Of a random episode; where it cannot be read, of the next random one: what was met before changes nothing. */
  async function clip(random: Random): Promise<Float32Array> {
    for (let attempt = 1; ; attempt++) {
      const recording = recordings[random.below(recordings.length)] as Recording;
      try {
        return await clipOf(await open(recording), random);
      } catch (error) {
        const reason = reasonToSkip(error);
        tell({ name: recording.name, reason });
        if (attempt < MAX_ATTEMPTS) continue;
        throw new AidError(
          'invalid-data',
          `${dataFolder}: no episode could be read, ${MAX_ATTEMPTS} times in a row; ${reason}`,
        );
      }
    }
  }

  function open(recording: Recording): Promise<OpenedRecording> {
    const known = opened.get(recording) ?? recording.open();
    opened.set(recording, known);
    return known;
  }

  async function clipOf(
    { episodes, skipped: parts }: OpenedRecording,
    random: Random,
  ): Promise<Float32Array> {
    for (const part of parts) tell(part);
    const [only] = episodes;
    const episode = (episodes.length === 1 ? only : episodes[random.below(episodes.length)]) as Episode;
    const indices = evenlySpread(episode.frameCount, config.framesPerEpisode);
    const first = random.below(indices.length - framesPerClip + 1);
    const frames = await episode.readFrames(indices.slice(first, first + framesPerClip));
    const pixels = await Promise.all(frames.map((each) => frameToPixels(each, { ...frame, fit: 'cover' })));
    return joined(pixels);
  }

  const weights = prefixed(COMPONENTS.vae, begun);
  const isTrained = (key: string): boolean => config.train === 'all' || key.startsWith('vae.decoder.');
  const others =
    config.train === 'decoder' && start !== undefined
      ? new FrozenParts(
          start,
          PART_NAMES.filter((name) => name !== 'vae'),
          config.frozenParts,
        )
      : undefined;
  return {
    training: trainingGraph(loss, { meanSquaredError, divergence, latentPower }, isTrained),
    clipsPerRun,
    parts,
    weights,
    sources,
    async batch(index): Promise<Record<string, Tensor>> {
      const random = new Random(seed, 1, index);
      const streams = Array.from({ length: clipsPerRun }, (_, i) => new Random(seed, 2, index, i));
      const frames = joined(await Promise.all(streams.map(clip)));
      return {
        frames: floatTensor(frameDims, frames),
        noise: floatTensor(noiseDims, random.normals(sizeOf(noiseDims))),
      };
    },
    async save(folder, trained, { measures: { latentPower: power = 1 }, previous }) {
      if (others === undefined || start === undefined || begun === undefined) {
        await writeComponent(join(folder, COMPONENTS.vae), COMPONENTS.vae, trained, {
          _class_name: 'AutoencoderKLTemporalDecoder',
          ...vae,
          // Latents of deviation 1, as the diffusion expects them.
          scaling_factor: Number((1 / Math.sqrt(power)).toPrecision(6)),
          sample_size: frame.height / vae.patch_size,
          force_upcast: false,
        });
        return;
      }
      const reference = await others.put(folder, previous);
      const frozen = [...weights].map(([key, stored]) => {
        return [key, { shape: stored.shape, data: readFloats(stored) }] as const;
      });
      const all = new Map([...frozen, ...trained]);
      await writeComponent(join(folder, COMPONENTS.vae), COMPONENTS.vae, all, begun.config);
      const { index } = start;
      if (index === undefined && reference.base === undefined) return;
      const { base: _base, ...aid } = index?.aid ?? {};
      await writeJson(join(folder, 'model_index.json'), { ...index, aid: { ...aid, ...reference } });
    },
  };
}

/** The network that is trained. Errors: `invalid-config` where there is none, or the start's is another one. */
function networkOf(
  { vae, train }: AutoencoderRecipeConfig,
  start: ModelFolder | undefined,
  begun: ModelComponent | undefined,
): AutoencoderConfig {
  const fail = (what: string): never => {
    throw new AidError('invalid-config', what);
  };
  if (begun === undefined) {
    const got = start?.path ?? 'no start';
    if (train === 'decoder')
      fail(`train: expected an autoencoder in start to train the decoder of, got ${got}`);
    if (start !== undefined) fail(`start: expected a model folder with an autoencoder in vae/, got ${got}`);
    return vae ?? fail('vae: expected the config of an autoencoder where there is no start');
  }
  const trained = configOf(autoencoderConfig, begun);
  if (vae === undefined) return trained;
  // Of the latents, not of the network: it is measured.
  const { scaling_factor: _measured, ...network } = vae;
  const { scaling_factor: _factor, ...before } = trained;
  const problems = disagreements('vae', network, start?.path ?? '', before);
  return problems.length > 0 ? fail(problems.join('; ')) : trained;
}
