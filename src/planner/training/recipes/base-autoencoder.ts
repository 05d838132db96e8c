/** The autoencoder of a base, whose latents a denoising network is trained on. */
import { AidError } from '../../errors.js';
import { COMPONENTS } from '../../models/aid.js';
import { type AutoencoderConfig, autoencoderConfig, spatialFactor } from '../../models/autoencoder/config.js';
import { decodeLatents } from '../../models/autoencoder/decoder.js';
import { encodeImages } from '../../models/autoencoder/encoder.js';
import { Graph } from '../../onnx/graph.js';
import { refusing } from '../../onnx/refusing.js';
import { Scope } from '../../onnx/scope.js';
import { checkWeights } from '../../weights/check-weights.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { configOf } from '../../weights/model-component.js';
import type { ModelFolder } from '../../weights/model-folder.js';
import type { StoredTensor } from '../../weights/safetensors.js';
import { componentOf } from './networks.js';

export interface BaseAutoencoder {
  readonly config: AutoencoderConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Of its tensors. */
  readonly sha256: string;
  /** Of a frame, [C, h, w]. */
  readonly latentDims: readonly [number, number, number];
}

/**
 * With all its tensors, each number finite: one that cannot be used shows here and not in the latents of thousands of
 * clips. Errors: `invalid-model-folder` where the base has none, `invalid-config` for a frame that it cannot take,
 * `invalid-weights`.
 */
export async function baseAutoencoder(
  base: ModelFolder,
  frame: { readonly width: number; readonly height: number },
): Promise<BaseAutoencoder> {
  const component = componentOf(base, COMPONENTS.vae);
  if (component === undefined) {
    throw new AidError(
      'invalid-model-folder',
      `${base.path}: expected a model folder with an autoencoder in vae/`,
    );
  }
  const config = configOf(autoencoderConfig, component);
  const factor = spatialFactor(config);
  if (frame.width % factor !== 0 || frame.height % factor !== 0) {
    throw new AidError(
      'invalid-config',
      `frame: expected sides divisible by ${factor}, got ${frame.width}x${frame.height}`,
    );
  }
  const latentDims = [config.latent_channels, frame.height / factor, frame.width / factor] as const;
  const { folder, tensors } = component;
  const graph = refusing(folder, () => {
    const whole = new Graph('autoencoder');
    const root = new Scope(whole);
    encodeImages(root, whole.input('pixels', 'float32', [1, 3, frame.height, frame.width]), config);
    decodeLatents(root, whole.input('latents', 'float32', [1, ...latentDims]), config, { numFrames: 1 });
    return whole;
  });
  checkWeights(folder, [graph], tensors);
  const { sha256 } = await inspectWeights(tensors);
  return { config, tensors, sha256, latentDims };
}
