import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../../support/tiny-model.js';

type Config = Record<string, unknown>;

/** What a model folder is refused with when one of its configs is changed. */
async function refusal(component: string, change: (config: Config) => Config): Promise<string> {
  const folder = await tinyModel();
  const file = join(folder, component, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as Config;
  writeFileSync(file, JSON.stringify({ ...config, ...change(config) }));
  const loading = VideoPlanner.load(folder, { provider: 'cpu', threads: 1 });
  const error = await loading.then(
    (planner) => {
      onTestFinished(() => planner.dispose());
      return { code: 'none', message: 'it loads' };
    },
    (cause) => cause,
  );
  expect(error).toMatchObject({ code: 'invalid-config', message: expect.stringContaining(folder) });
  return error.message.replaceAll(folder, 'model');
}

const within = (part: string, change: Config) => (config: Config) => ({
  [part]: { ...(config[part] as Config), ...change },
});

describe('aid/config.json is refused', () => {
  it.each<[string, (config: Config) => Config, string]>([
    ['a key that is none', () => ({ fil: 'zeros' }), 'it: Unrecognized key: "fil"'],
    ['such a key further inside', within('adapters', { kernal: 3 }), 'adapters: Unrecognized key: "kernal"'],
    ['an even kernel', within('adapters', { kernel: 4 }), 'adapters.kernel: expected an odd number, got 4'],
    ['too many steps', within('sampling', { num_inference_steps: 5000 }), 'sampling.num_inference_steps: '],
    [
      'noise levels that do not fall',
      within('sampling', { sigma_min: 2, sigma_max: 2 }),
      'sampling: expected sigma_min < sigma_max, got 2 and 2',
    ],
    [
      'a preset whose noise levels do not fall',
      () => ({ presets: { fast: { sigma_max: 0.001 } } }),
      'presets.fast: expected sigma_min < sigma_max, got 0.002 and 0.001',
    ],
    ['guidance beyond measure', within('sampling', { text_guidance: 1e9 }), 'sampling.text_guidance: '],
    ['texts without room for a word', () => ({ text_length: 1 }), 'text_length: '],
    [
      'another number of states',
      () => ({ num_states: 3 }),
      'num_states: expected the 4 of a state prompter, got 3',
    ],
    [
      'heads that do not divide',
      within('dqformer', { heads: 3 }),
      'dqformer.instruction_branch.0.self_attn: expected heads that divide its width of 32, got 3',
    ],
    [
      "heads that do not divide an adapter's width",
      within('adapters', { heads: 3 }),
      'long_term_adapter.attn: expected heads that divide its width of 16, got 3',
    ],
  ])('%s', async (_, change, message) => {
    expect(await refusal('aid', change)).toContain(message);
  });
});

describe("a network's config is refused, naming the place", () => {
  it.each<[string, string, Config, string]>([
    [
      'heads of the text tower',
      'text_encoder',
      { num_attention_heads: 3 },
      'text_encoder.text_model.encoder.layers.0.self_attn: expected heads that divide its width of 32, got 3',
    ],
    [
      'heads of the UNet',
      'unet',
      { num_attention_heads: [3, 2] },
      'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1: expected heads that divide its width of 32, got 3',
    ],
    [
      'time ids',
      'unet',
      { projection_class_embeddings_input_dim: 100 },
      'projection_class_embeddings_input_dim: expected 3 times addition_time_embed_dim, 96, got 100',
    ],
    [
      'patches larger than the picture',
      'image_encoder',
      { patch_size: 64 },
      'patch_size: expected at most image_size, 32, got 64',
    ],
    ['blocks', 'vae', { patch_size: 2 }, 'encoder: expected [N,3,H,W]'],
  ])('%s', async (_, component, change, message) => {
    expect(await refusal(component, () => change)).toContain(message);
  });
});
