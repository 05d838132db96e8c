/** Cases of the networks that features of videos and pictures come from. */
import { i3d, i3dConfig } from '../models/inception/i3d.js';
import { inceptionConfig, inceptionV3 } from '../models/inception/inception-v3.js';
import type { CaseKind } from './case-kind.js';
import { buildGraph, openBatch, runGraphs } from './network-graph.js';
import { configOf } from './networks.js';

export const i3dCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['pixels'],
  run: (engine, given) => {
    const config = configOf(given, i3dConfig);
    const inputs = { pixels: openBatch(given.floats('pixels')) };
    const built = buildGraph(given.name, inputs, (scope, input) => ({
      logits: i3d(scope, input('pixels'), config),
    }));
    return runGraphs(engine, given, [built]);
  },
};

export const inceptionCase: CaseKind = {
  tolerance: 1e-4,
  inputs: ['pixels'],
  run: (engine, given) => {
    const config = configOf(given, inceptionConfig);
    const inputs = { pixels: openBatch(given.floats('pixels')) };
    const built = buildGraph(given.name, inputs, (scope, input) => ({
      features: inceptionV3(scope, input('pixels'), config),
    }));
    return runGraphs(engine, given, [built]);
  },
};
