/** How well a model denoises clips that it was not trained on: with their own commands, and with others. */
import { loadTokenizer } from '../conditioning/tokenizer.js';
import { throwIfAborted } from '../errors.js';
import { COMPONENTS } from '../models/aid.js';
import { aidConfig } from '../models/aid-config.js';
import { autoencoderConfig } from '../models/autoencoder/config.js';
import { clipTextConfig, clipVisionConfig } from '../models/clip/config.js';
import { unetConfig } from '../models/unet/config.js';
import { Random } from '../random.js';
import type { Engine } from '../runtime/engine.js';
import { configOf } from '../weights/model-component.js';
import type { ModelFolder } from '../weights/model-folder.js';
import { partsFor } from './batch-parts.js';
import { batchOf } from './data/clip-batches.js';
import { type CachedClip, readCachedClip } from './data/latent-cache.js';
import { adaptInputs, adaptLoss } from './recipes/adapt-loss.js';
import { allTensors } from './recipes/networks.js';

export interface HeldOutClip {
  /** Of its noise: the same for every model and both commands. */
  readonly seed: number;
  /** In the latent cache. */
  readonly file: string;
  /** Another command that could be given in its first frame. */
  readonly otherInstruction: string;
}

/** Of one clip, means over the noise levels. */
export interface HeldOutLoss {
  readonly seed: number;
  /** With its own command. */
  readonly own: number;
  readonly other: number;
}

export interface HeldOutOptions {
  readonly engine: Engine;
  /** Noise levels; each clip is measured at every one, with its first frame given. */
  readonly sigmas: readonly number[];
  /** That of the training whose loss it is, see `denoisingConfig`. */
  readonly lastFrameWeight: number;
  readonly abortSignal?: AbortSignal | undefined;
}

/** The training loss of a model folder, clip by clip. Errors: those of the folder, `engine-failed`, `aborted`. */
export async function* heldOutLosses(
  model: ModelFolder,
  clips: readonly HeldOutClip[],
  { engine, sigmas, lastFrameWeight, abortSignal }: HeldOutOptions,
): AsyncGenerator<HeldOutLoss, void, undefined> {
  const [first] = clips;
  if (first === undefined) return;
  const aid = configOf(aidConfig, model.component('aid'));
  const { scaling_factor: scalingFactor } = configOf(autoencoderConfig, model.component(COMPONENTS.vae));
  const networks = {
    aid,
    text: configOf(clipTextConfig, model.component(COMPONENTS.textEncoder)),
    vision: configOf(clipVisionConfig, model.component(COMPONENTS.imageEncoder)),
    backbone: configOf(unetConfig, model.component(COMPONENTS.unet)),
  };
  const tokenizer = await loadTokenizer(model.folder('tokenizer'));
  const [, channels = 0, height = 0, width = 0] = readCachedClip(first.file).latents.dims;
  const loss = adaptLoss(networks, { batch: 1, latentDims: [channels, height, width], lastFrameWeight });
  loss.graph.output('loss', loss);
  const tensors = allTensors(model);
  const { provider, threads } = engine.description;
  const session = await engine.load(loss.graph, {
    weights: (key) => tensors.get(key),
    parallelRuns: provider === 'cpu' ? partsFor(2, threads) : 1,
  });
  const batch = { scalingFactor, fill: aid.fill, dataMean: aid.data_mean };
  const dropped = { text: false, frame: false };
  const lossOf = async (clip: CachedClip, sigma: number, noise: Float32Array): Promise<number> => {
    const drawn = batchOf([{ clip, sigma, givenFrames: 1, dropped }], noise, batch);
    const outputs = await session.run(adaptInputs(drawn, aid, tokenizer), { abortSignal });
    return Number(outputs.tensors.loss?.data[0]);
  };
  try {
    for (const { seed, file, otherInstruction } of clips) {
      const clip = readCachedClip(file);
      const other = { ...clip, instruction: otherInstruction };
      const sums = [0, 0];
      for (const [level, sigma] of sigmas.entries()) {
        throwIfAborted(abortSignal);
        const noise = new Random(seed, 6, level).normals(clip.latents.data.length);
        const losses = await Promise.all([clip, other].map((each) => lossOf(each, sigma, noise)));
        losses.forEach((each, i) => {
          sums[i] = (sums[i] as number) + each / sigmas.length;
        });
      }
      const [own, swapped] = sums as [number, number];
      yield { seed, own, other: swapped };
    }
  } finally {
    await session.release();
  }
}
