import { describe, expect, it } from 'vitest';
import { i3d, i3dConfig } from '#planner/models/inception/i3d.js';
import { inceptionConfig, inceptionV3 } from '#planner/models/inception/inception-v3.js';
import { lpips, lpipsConfig } from '#planner/models/lpips.js';
import { Float, Graph, type Value } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { expectTensorsOf, readPublished } from './published.js';

/** Made by `bench/pytorch/make_published_cases.py` from the networks of cd-fvd, pytorch-fid and lpips. */
const file = new URL('fixtures/published-features.json', import.meta.url);
const published = readPublished(file);

const builders: Readonly<Record<string, (graph: Graph, config: unknown) => void>> = {
  i3d: (graph, config) => {
    i3d(new Scope(graph), graph.input('pixels', 'float32', [1, 3, 16, 224, 224]), i3dConfig.parse(config));
  },
  'inception-v3': (graph, config) => {
    const pixels = graph.input('pixels', 'float32', [1, 3, 299, 299]);
    inceptionV3(new Scope(graph), pixels, inceptionConfig.parse(config));
  },
  lpips: (graph, config) => {
    const [a, b] = ['a', 'b'].map((name) => graph.input(name, 'float32', [1, 3, 128, 128])) as [Value, Value];
    lpips(new Scope(graph), a, b, lpipsConfig.parse(config));
  },
};

/** Of the batch normalisations, each once. */
function epsilons(name: string, config: unknown): number[] {
  const graph = new Graph(name);
  builders[name]?.(graph, config);
  const norms = graph.nodes.filter(({ operator }) => operator === 'BatchNormalization');
  const values = norms.map(({ attributes: { epsilon } }) => (epsilon instanceof Float ? epsilon.value : NaN));
  return [...new Set(values)];
}

describe('a network that features come from', () => {
  it.each(Object.entries(published))(
    '%s asks for exactly the tensors of its public port, counters and unused heads aside',
    (name, each) => {
      const graph = new Graph(name);
      builders[name]?.(graph, each.config);
      expectTensorsOf(graph, each);
    },
  );

  it('I3D has 12,711,824 numbers', () => expect(published.i3d?.parameters).toBe(12_711_824));

  it.each([
    ['i3d', 1e-5],
    ['inception-v3', 1e-3],
  ])("%s adds to every variance what its port adds, or what its config's eps says", (name, epsilon) => {
    expect(epsilons(name, {})).toEqual([epsilon]);
    expect(epsilons(name, { eps: 0.25 })).toEqual([0.25]);
  });
});
