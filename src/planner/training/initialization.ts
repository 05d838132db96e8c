/** First values of tensors that no checkpoint gives: torch's defaults, and zeros where SVD and AID say so. */
import type { Random } from '../random.js';

/** A rule for the keys that its pattern matches; the first match counts. */
const RULES: readonly (readonly [RegExp, 'ones' | 'zeros' | 'half' | 'embedding'])[] = [
  [/(^|\.)(\w*norm\w*|layer_norm\d|pre_layrnorm|norm_in)\.weight$/, 'ones'],
  [/(^|\.)(\w*norm\w*|layer_norm\d|pre_layrnorm|norm_in)\.bias$/, 'zeros'],
  [/^vae\..*mix_factor$/, 'zeros'],
  [/mix_factor$/, 'half'],
  [/_adapter\.up\./, 'zeros'],
  // A residual branch that starts silent: the network starts as the identity (SVD's and its ancestors' choice).
  [/^unet\..*(conv2|proj_out)\./, 'zeros'],
  [/^unet\.conv_out\./, 'zeros'],
  [/(^|\.)(token_embedding|position_embedding)\.weight$|class_embedding$|(^|\.)queries$/, 'embedding'],
];

/** The first value of the tensor with that key. `fanInOf` looks up the weight beside a bias. */
export function initialValue(
  key: string,
  shape: readonly number[],
  random: Random,
  shapeOf: (key: string) => readonly number[] | undefined,
): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const rule = RULES.find(([pattern]) => pattern.test(key))?.[1];
  if (rule === 'ones') return new Float32Array(size).fill(1);
  if (rule === 'zeros') return new Float32Array(size);
  if (rule === 'half') return new Float32Array(size).fill(0.5);
  if (rule === 'embedding') return random.normals(size).map((value) => 0.02 * value);
  // torch's Linear and Conv: uniform in +-1/sqrt(fan in), the bias by its weight's fan in.
  const weight = key.endsWith('.bias') ? (shapeOf(key.replace(/bias$/, 'weight')) ?? shape) : shape;
  const fanIn = weight.slice(1).reduce((a, b) => a * b, 1);
  const bound = 1 / Math.sqrt(fanIn);
  return Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) * bound);
}
