/**
 * The UNet's embedding of the noise level, of another width: fitted, layer by layer, to the one that was trained, so
 * that every block is told of the noise what it was told before.
 */
import { Matrix } from 'ml-matrix';
import {
  fitted,
  layerOf,
  linear,
  liveliestColumns,
  putLayer,
  relativeError,
  silu,
} from './linear-layers.mjs';

/** Logarithms of noise levels, a little wider than from sigma_min to sigma_max. */
const COUNT = 400;
const [LOWEST, HIGHEST] = [Math.log(0.015), Math.log(120)];
const LEVELS = Array.from({ length: COUNT }, (_, i) => LOWEST + (i * (HIGHEST - LOWEST)) / (COUNT - 1));

/** As `sinusoidalEmbedding`: cosines, then sines. */
function sinusoids(positions, width) {
  const frequencies = Array.from({ length: width / 2 }, (_, i) => 10_000 ** ((-2 * i) / width));
  return new Matrix(
    positions.map((position) => {
      const angles = frequencies.map((frequency) => position * frequency);
      return [...angles.map(Math.cos), ...angles.map(Math.sin)];
    }),
  );
}

/** c_noise of the levels, each lower by `shift`. */
const noiseSinusoids = (width, shift) =>
  sinusoids(
    LEVELS.map((level) => (level - shift) / 4),
    width,
  );

/** What the time ids add to the embedding, which is the same at every level. */
function addedByIds(tensors, { addition_time_embed_dim: width }, timeIds) {
  const features = Matrix.rowVector(sinusoids(timeIds, width).to1DArray());
  const hidden = silu(linear(features, layerOf(tensors, 'unet.add_embedding.linear_1')));
  return linear(hidden, layerOf(tensors, 'unet.add_embedding.linear_2')).to1DArray();
}

/**
 * Puts `time_embedding` into `grown`, with as many features of the old one as there is room for, those that vary most.
 * `shift` is how much larger a noise's logarithm has to be now to hide a thing as well. Returns `project(from, to)`:
 * it puts the projection `to`, fitted to the old one, `from`, and says how far from it that is, relative.
 */
export function fitNoiseEmbedding({ old, grown, oldConfig, config, timeIds, shift }) {
  const [[oldWidth], [width]] = [oldConfig.block_out_channels, config.block_out_channels];
  const oldHidden = linear(noiseSinusoids(oldWidth, shift), layerOf(old, 'unet.time_embedding.linear_1'));
  const oldEmbedding = linear(silu(oldHidden), layerOf(old, 'unet.time_embedding.linear_2')).addRowVector(
    addedByIds(old, oldConfig, timeIds),
  );

  const waves = noiseSinusoids(width, 0);
  const first = fitted(waves, oldHidden.subMatrixColumn(liveliestColumns(silu(oldHidden), 4 * width)));
  const hidden = silu(linear(waves, first));
  const second = fitted(
    hidden,
    oldEmbedding.subMatrixColumn(liveliestColumns(silu(oldEmbedding), 4 * width)),
  );
  const added = addedByIds(grown, config, timeIds);
  putLayer(grown, 'unet.time_embedding.linear_1', first);
  putLayer(grown, 'unet.time_embedding.linear_2', {
    weight: second.weight,
    bias: second.bias.map((value, i) => value - added[i]),
  });

  const [oldFeatures, features] = [silu(oldEmbedding), silu(linear(hidden, second))];
  return (from, to) => {
    const wanted = linear(oldFeatures, layerOf(old, from));
    const layer = fitted(features, wanted);
    putLayer(grown, to, layer);
    return relativeError(linear(features, layer), wanted);
  };
}
