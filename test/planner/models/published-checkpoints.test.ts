import { describe, expect, it } from 'vitest';
import { autoencoderConfig } from '#planner/models/autoencoder/config.js';
import { decodeLatents } from '#planner/models/autoencoder/decoder.js';
import { encodeImages } from '#planner/models/autoencoder/encoder.js';
import { clipTextConfig, clipVisionConfig } from '#planner/models/clip/config.js';
import { clipText } from '#planner/models/clip/text.js';
import { clipVision } from '#planner/models/clip/vision.js';
import { tokensCondition } from '#planner/models/unet/condition.js';
import { unetConfig } from '#planner/models/unet/config.js';
import { unet } from '#planner/models/unet/unet.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { BATCH } from '#planner/onnx/shape.js';
import { expectTensorsOf, readPublished } from './published.js';

const file = new URL('../../fixtures/goldens/published-checkpoints.json', import.meta.url);
const published = readPublished(file);

const builders: Readonly<Record<string, (scope: Scope, config: unknown) => void>> = {
  unet: (scope, config) => {
    const { graph } = scope;
    unet(
      scope,
      {
        sample: graph.input('sample', 'float32', [BATCH, 14, 8, 40, 64]),
        timestep: graph.input('timestep', 'float32', [BATCH]),
        addedTimeIds: graph.input('added_time_ids', 'float32', [BATCH, 3]),
        condition: tokensCondition(graph.input('tokens', 'float32', [BATCH, 1, 1024])),
      },
      unetConfig.parse(config),
    );
  },
  vae: (scope, config) => {
    const { graph } = scope;
    const parsed = autoencoderConfig.parse(config);
    encodeImages(scope, graph.input('pixels', 'float32', [BATCH, 3, 320, 512]), parsed);
    const latents = graph.input('latents', 'float32', [{ batch: 14 }, 4, 40, 64]);
    decodeLatents(scope, latents, parsed, { numFrames: 14 });
  },
  image_encoder: (scope, config) => {
    clipVision(
      scope,
      scope.graph.input('pixel_values', 'float32', [BATCH, 3, 224, 224]),
      clipVisionConfig.parse(config),
    );
  },
  text_encoder: (scope, config) => {
    clipText(scope, scope.graph.input('input_ids', 'int64', [BATCH, 77]), clipTextConfig.parse(config));
  },
};

describe('the graph built from a published config', () => {
  it('is tried for each of them', () => {
    expect(Object.keys(published).sort()).toEqual(Object.keys(builders).sort());
  });

  it.each(Object.entries(published))('asks for exactly the tensors of %s', (name, each) => {
    const graph = new Graph(name);
    builders[name]?.(new Scope(graph), each.config);
    expectTensorsOf(graph, each);
  });
});
