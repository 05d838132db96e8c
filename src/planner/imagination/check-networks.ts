import { checkWeights } from '../weights/check-weights.js';
import { conditionGraph, decoderGraph, denoiserGraph, frameEncoderGraph, visionGraph } from './graphs.js';
import type { Networks } from './networks.js';

/** Whether a model folder holds exactly the tensors that its networks ask for. Errors: `invalid-weights`. */
export function checkNetworks(networks: Networks): void {
  const geometry = { numFrames: networks.aid.dqformer.num_frames, ...networks.aid.video };
  const graphs = [frameEncoderGraph, visionGraph, conditionGraph, denoiserGraph, decoderGraph];
  checkWeights(
    networks.path,
    graphs.map((build) => build(networks, geometry)),
    networks.tensors,
  );
}
