/** The true clips of scenes as the trainer reads clips, each with another command of its scene. */
import { basename, join } from 'node:path';
import { readClipPreprocessor } from '../../conditioning/preprocessor.js';
import { AidError } from '../../errors.js';
import { autoencoderConfig } from '../../models/autoencoder/config.js';
import type { Engine } from '../../runtime/engine.js';
import { openBag } from '../../training/data/bags/open-bag.js';
import type { Recording } from '../../training/data/episode.js';
import { describeFiles } from '../../training/data/files.js';
import {
  fillLatentCache,
  type LatentCache,
  type LatentCacheEvent,
} from '../../training/data/latent-cache.js';
import type { HeldOutClip } from '../../training/held-out-loss.js';
import { configOf } from '../../weights/model-component.js';
import { openBase } from '../../weights/model-folder.js';
import { anotherCommand } from '../evaluate.js';
import { sceneName } from '../save-scenes.js';
import type { SceneEntry, SceneSet } from '../scene-set.js';
import type { AdaptRunConfig } from './ablation-config.js';

export type HeldOutClipsEvent =
  | Extract<LatentCacheEvent, { kind: 'encoded' }>
  | { readonly kind: 'end'; readonly clips: readonly HeldOutClip[] };

/** Encodes those that were not before, beside the scenes. Errors: `invalid-data`, `aborted`. */
export async function* heldOutClips(
  { folder, scenes }: SceneSet,
  { recipe: { base: path, frame, numFrames } }: AdaptRunConfig,
  { engine, abortSignal }: { readonly engine: Engine; readonly abortSignal?: AbortSignal | undefined },
): AsyncGenerator<HeldOutClipsEvent, void, undefined> {
  const base = openBase(path);
  const vae = base.component('vae');
  const options = {
    cacheFolder: join(folder, '.latents'),
    recordings: scenes.map((scene) => recordingOf(folder, scene)),
    vae: { config: configOf(autoencoderConfig, vae), tensors: vae.tensors },
    preprocessor: await readClipPreprocessor(base.folder('feature_extractor')),
    frame,
    numFrames,
    ...(abortSignal === undefined ? {} : { abortSignal }),
  };
  let cache: LatentCache | undefined;
  for await (const event of fillLatentCache(engine, options)) {
    if (event.kind === 'end') ({ cache } = event);
    else yield event;
  }
  const { files = [], skipped: [skipped] = [] } = cache ?? {};
  if (skipped !== undefined) throw new AidError('invalid-data', skipped.reason);
  yield {
    kind: 'end',
    clips: scenes.map((scene, index) => {
      const { seed, commands } = scene;
      const other = anotherCommand(seed, placeOf(scene), commands.length);
      return {
        seed,
        file: files[index] as string,
        otherInstruction: commands[other]?.instruction as string,
      };
    }),
  };
}

const placeOf = ({ commands, commanded }: SceneEntry): number =>
  commands.findIndex(({ index }) => index === commanded);

/** Of the commanded one, whose every frame is there. */
function recordingOf(folder: string, scene: SceneEntry): Recording {
  const file = join(folder, scene.commands[placeOf(scene)]?.bag ?? '');
  return {
    name: file,
    id: sceneName(scene.seed).replace(' ', '-'),
    ...describeFiles(basename(file), [file], {}),
    open: () => openBag(file, [file]),
  };
}
