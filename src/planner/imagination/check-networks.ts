import { refusing } from '../onnx/refusing.js';
import { checkWeights } from '../weights/check-weights.js';
import { conditionGraph, decoderGraph, denoiserGraph, frameEncoderGraph, visionGraph } from './graphs.js';
import type { Networks } from './networks.js';

/**
 * Whether networks can be built from a model folder's configs, and it holds exactly the tensors that they ask for.
 * Errors: `invalid-config`, `invalid-weights`.
 */
export function checkNetworks(networks: Networks): void {
  const geometry = { numFrames: networks.aid.dqformer.num_frames, ...networks.aid.video };
  const builders = [frameEncoderGraph, visionGraph, conditionGraph, denoiserGraph, decoderGraph];
  const graphs = refusing(networks.path, () => builders.map((build) => build(networks, geometry)));
  checkWeights(networks.path, graphs, networks.tensors);
}
