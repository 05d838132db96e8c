import { describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { initialValue } from '#planner/training/initialization.js';

function valuesOf(
  key: string,
  shape: readonly number[],
  others: Readonly<Record<string, readonly number[]>> = {},
  seed = 1,
): Float32Array {
  return initialValue(key, shape, new Random(seed), (name) => others[name]);
}
const extremes = (values: Float32Array): [number, number] => [Math.min(...values), Math.max(...values)];
const deviation = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

describe("torch's bounds", () => {
  it.each([
    ['a linear layer', 'unet.time_embedding.linear_1.weight', [128, 100], 100],
    ['a convolution', 'vae.encoder.conv_in.weight', [64, 16, 3, 3], 144],
    [
      'a convolution over time',
      'unet.down_blocks.0.resnets.0.temporal_res_block.conv1.weight',
      [64, 32, 3, 1, 1],
      96,
    ],
    ['a depth-wise convolution', 'unet.x.short_term_adapter.conv.weight', [400, 1, 3, 1, 1], 3],
  ] as const)('%s is uniform in +-1/sqrt(fan in)', (_, key, shape, fanIn) => {
    const values = valuesOf(key, shape);
    const bound = 1 / Math.sqrt(fanIn);
    const [low, high] = extremes(values);
    expect(low).toBeGreaterThanOrEqual(-bound);
    expect(high).toBeLessThan(bound * (1 + 1e-6));
    expect(low).toBeLessThan(-0.98 * bound);
    expect(high).toBeGreaterThan(0.98 * bound);
    expect(Math.abs(deviation(values) / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.05);
  });

  it("a bias has its weight's bound", () => {
    const values = valuesOf('dqformer.text_proj.bias', [500], { 'dqformer.text_proj.weight': [500, 25] });
    const [low, high] = extremes(values);
    expect(low).toBeLessThan(-0.19);
    expect(low).toBeGreaterThanOrEqual(-0.2);
    expect(high).toBeGreaterThan(0.19);
    expect(high).toBeLessThan(0.2);
  });
});

it.each([
  ['vae.encoder.mid_block.resnets.0.norm1.weight', 1],
  ['vae.encoder.mid_block.resnets.0.norm1.bias', 0],
  ['vae.encoder.conv_norm_out.weight', 1],
  ['text_encoder.text_model.encoder.layers.0.layer_norm1.weight', 1],
  ['text_encoder.text_model.encoder.layers.0.layer_norm2.bias', 0],
  ['text_encoder.text_model.final_layer_norm.weight', 1],
  ['image_encoder.vision_model.pre_layrnorm.weight', 1],
  ['image_encoder.vision_model.post_layernorm.bias', 0],
  ['dqformer.layers.0.norm4.weight', 1],
  ['unet.down_blocks.0.attentions.0.temporal_transformer_blocks.0.norm_in.weight', 1],
  ['vae.decoder.mid_block.resnets.0.time_mixer.mix_factor', 0],
  ['unet.mid_block.resnets.0.time_mixer.mix_factor', 0.5],
  ['unet.a.transformer_blocks.0.spatial_adapter.up.weight', 0],
  ['unet.a.temporal_transformer_blocks.0.short_term_adapter.up.bias', 0],
  ['unet.a.temporal_transformer_blocks.0.long_term_adapter.up.weight', 0],
  ['unet.mid_block.resnets.0.spatial_res_block.conv2.weight', 0],
  ['unet.mid_block.attentions.0.proj_out.bias', 0],
  ['unet.conv_out.weight', 0],
])('%s is %d', (key, value) => {
  expect(new Set(valuesOf(key, [8]))).toEqual(new Set([value]));
});

it.each([
  'vae.decoder.mid_block.resnets.0.spatial_res_block.conv2.weight',
  'vae.decoder.conv_out.weight',
  'unet.conv_in.weight',
  'unet.a.spatial_adapter.down.weight',
])('%s is not silent', (key) => {
  expect(deviation(valuesOf(key, [4, 4, 3, 3]))).toBeGreaterThan(0.05);
});

it.each([
  'text_encoder.text_model.embeddings.token_embedding.weight',
  'text_encoder.text_model.embeddings.position_embedding.weight',
  'image_encoder.vision_model.embeddings.class_embedding',
  'dqformer.queries',
])('%s is normal with deviation 0.02', (key) => {
  const values = valuesOf(key, [2000]);
  expect(Math.abs(deviation(values) - 0.02)).toBeLessThan(0.001);
  expect(extremes(values)[1]).toBeGreaterThan(0.05);
});

it('is the same for the same seed and another for another', () => {
  const key = 'unet.conv_in.weight';
  expect(valuesOf(key, [4, 4])).toEqual(valuesOf(key, [4, 4]));
  expect(valuesOf(key, [4, 4], {}, 2)).not.toEqual(valuesOf(key, [4, 4]));
});
