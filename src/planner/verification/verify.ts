/** Runs cases through an engine and measures how far what comes out is from what should. */
import { basename } from 'node:path';
import { AidError } from '../errors.js';
import type { Engine, EngineDescription } from '../runtime/engine.js';
import { type Case, findCases, readCase } from './case.js';
import type { CaseKind, Output, Outputs } from './case-kind.js';
import { i3dCase, inceptionCase } from './inception.js';
import { lpipsCase } from './lpips.js';
import { autoencoderCase, clipTextCase, clipVisionCase, dqFormerCase, unetCase } from './networks.js';
import { samplerCase } from './sampling.js';
import { trainingCase } from './training.js';
import { videoDistanceCase } from './video-distance.js';

/** One tensor of one case. */
export interface TensorCheck {
  /** The case's folder name. */
  readonly case: string;
  /** `*` where the whole case failed. */
  readonly tensor: string;
  /** Largest absolute error / largest absolute value expected; infinite where there is nothing to compare. */
  readonly error: number;
  readonly tolerance: number;
  readonly pass: boolean;
  /** Why nothing could be compared. */
  readonly reason?: string;
}

const kinds: ReadonlyMap<string, CaseKind> = new Map([
  ['clip-text', clipTextCase],
  ['clip-vision', clipVisionCase],
  ['vae', autoencoderCase],
  ['dqformer', dqFormerCase],
  ['unet-svd', unetCase],
  ['unet-aid', unetCase],
  ['sampler', samplerCase],
  ['training', trainingCase],
  ['video-distance', videoDistanceCase],
  ['i3d', i3dCase],
  ['inception-v3', inceptionCase],
  ['lpips', lpipsCase],
]);

/** What other providers than the CPU are allowed: their kernels add up in another order and round elsewhere. */
const PROVIDER_TOLERANCE = 1e-3;

export interface VerifyOptions {
  readonly engine: Engine;
}

/**
 * Checks the case in `folder`, or every case in the folders in it, one tensor after another. A case that cannot
 * be run is one failed check with its reason. Errors: `io-failed` when the folder cannot be read,
 * `engine-unavailable`.
 */
export async function* verifyCases(folder: string, options: VerifyOptions): AsyncGenerator<TensorCheck> {
  for (const path of findCases(folder)) {
    try {
      yield* await verifyCase(path, options);
    } catch (error) {
      if (!AidError.isInstance(error) || error.code === 'engine-unavailable') throw error;
      yield failed({ case: basename(path), tensor: '*', tolerance: 0 }, error.message);
    }
  }
}

/** Checks one case. Errors: AidErrors of everything that keeps it from being run. */
export async function verifyCase(folder: string, { engine }: VerifyOptions): Promise<TensorCheck[]> {
  const given = readCase(folder);
  const kind = kinds.get(given.kind);
  if (kind === undefined) {
    throw new AidError(
      'invalid-config',
      `${given.name}/config.json: kind: expected one of ${[...kinds.keys()].join(', ')}, got ${given.kind}`,
    );
  }
  const expected = kind.expected?.(given) ?? expectedOutputs(given, kind);
  const outputs = await kind.run(engine, given);
  const tolerance = toleranceOf(kind, engine.description.provider);
  return [...new Set([...expected.keys(), ...outputs.keys()])].map((tensor) =>
    compare({ case: given.name, tensor, tolerance }, outputs.get(tensor), expected.get(tensor)),
  );
}

function expectedOutputs(given: Case, { inputs }: CaseKind): Outputs {
  const names = given.names().filter((name) => !inputs.includes(name));
  return new Map(names.map((name) => [name, given.floats(name)]));
}

function toleranceOf({ tolerance }: CaseKind, provider: EngineDescription['provider']): number {
  return provider === 'cpu' ? tolerance : Math.max(tolerance, PROVIDER_TOLERANCE);
}

type Place = Pick<TensorCheck, 'case' | 'tensor' | 'tolerance'>;

function compare(place: Place, actual: Output | undefined, expected: Output | undefined): TensorCheck {
  if (actual === undefined) return failed(place, 'the network has no such output');
  if (expected === undefined) return failed(place, 'the case does not say what is expected');
  if (actual.dims.join() !== expected.dims.join()) {
    return failed(place, `expected [${expected.dims.join(',')}], got [${actual.dims.join(',')}]`);
  }
  let [scale, difference] = [0, 0];
  for (let i = 0; i < expected.data.length; i++) {
    const [should, is] = [expected.data[i] as number, actual.data[i] as number];
    if (!Number.isFinite(is)) return failed(place, `number ${i} is ${is}`);
    if (!Number.isFinite(should)) return failed(place, `number ${i} is expected to be ${should}`);
    scale = Math.max(scale, Math.abs(should));
    difference = Math.max(difference, Math.abs(is - should));
  }
  const error = scale === 0 ? difference : difference / scale;
  return check(place, error);
}

function check(place: Place, error: number): TensorCheck {
  const { case: name, tensor, tolerance } = place;
  return { case: name, tensor, error, tolerance, pass: error <= tolerance };
}

const failed = (place: Place, reason: string): TensorCheck => ({
  ...check(place, Number.POSITIVE_INFINITY),
  reason,
});
