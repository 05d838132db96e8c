/** Cases of LPIPS. */
import { lpips, lpipsConfig } from '../models/lpips.js';
import type { CaseKind } from './case-kind.js';
import { buildGraph, openBatch, runGraphs } from './network-graph.js';
import { configOf } from './networks.js';

export const lpipsCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['a', 'b'],
  run: (engine, given) => {
    const config = configOf(given, lpipsConfig);
    const inputs = { a: openBatch(given.floats('a')), b: openBatch(given.floats('b')) };
    const built = buildGraph(given.name, inputs, (scope, input) => ({
      distance: lpips(scope, input('a'), input('b'), config),
    }));
    return runGraphs(engine, given, [built]);
  },
};
