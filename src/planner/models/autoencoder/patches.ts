/**
 * Space to depth, before the encoder and after the decoder of an autoencoder with `patch_size` p: the network
 * sees p x p blocks of pixels as channels, in the order of torch's `pixel_unshuffle`.
 */
import type { Value } from '../../onnx/graph.js';
import { reshape, transpose } from '../../onnx/ops/layout.js';
import { at, fixedAt } from '../../onnx/shape.js';

/** [N, C, H, W] -> [N, C*p*p, H/p, W/p] */
export function toPatches(x: Value, p: number): Value {
  if (p === 1) return x;
  const [n, c, h, w] = [
    at(x.shape, 0),
    fixedAt(x.shape, 1),
    fixedAt(x.shape, 2) / p,
    fixedAt(x.shape, 3) / p,
  ];
  return reshape(transpose(reshape(x, [n, c, h, p, w, p]), [0, 1, 3, 5, 2, 4]), [n, c * p * p, h, w]);
}

/** [N, C*p*p, h, w] -> [N, C, h*p, w*p] */
export function fromPatches(x: Value, p: number): Value {
  if (p === 1) return x;
  const [n, c, h, w] = [
    at(x.shape, 0),
    fixedAt(x.shape, 1) / (p * p),
    fixedAt(x.shape, 2),
    fixedAt(x.shape, 3),
  ];
  return reshape(transpose(reshape(x, [n, c, p, p, h, w]), [0, 1, 4, 2, 5, 3]), [n, c, h * p, w * p]);
}
