/** Activation functions. */
import { Float, only, type Value } from '../graph.js';

/** Exact GELU, x/2 (1 + erf(x / sqrt 2)): ONNX's Gelu with `approximate: 'none'`. */
export function gelu(x: Value): Value {
  return only(x.graph.node('Gelu', [x], [{ dataType: x.dataType, shape: x.shape }]));
}

/** x sigmoid(alpha x), as one fused operator. CLIP's "quick" GELU has alpha 1.702. */
export function quickGelu(x: Value, alpha = 1.702): Value {
  const attributes = { alpha: new Float(alpha) };
  return only(
    x.graph.node('QuickGelu', [x], [{ dataType: x.dataType, shape: x.shape }], attributes, 'com.microsoft'),
  );
}

/** SiLU (swish), x sigmoid(x). */
export const silu = (x: Value): Value => quickGelu(x, 1);

/** max(x, 0) */
export function relu(x: Value): Value {
  return only(x.graph.node('Relu', [x], [{ dataType: x.dataType, shape: x.shape }]));
}

/** Softmax over the last dimension. */
export function softmax(x: Value): Value {
  return only(x.graph.node('Softmax', [x], [{ dataType: x.dataType, shape: x.shape }], { axis: -1 }));
}
