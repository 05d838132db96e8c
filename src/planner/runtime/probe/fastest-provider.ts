/** What `auto` takes. */
import { throwIfAborted } from '../../errors.js';
import type { ExecutionProvider } from '../engine.js';
import { missingPart } from '../onnxruntime/installed.js';
import { fastest, type ProviderProbe, probeProvider } from './probe.js';
import { probeKey } from './probe-key.js';
import { recall, remember } from './remembered-probes.js';

/** TensorRT compiles for minutes, so it is only taken when asked for. */
export const AUTOMATIC: readonly ExecutionProvider[] = ['cuda', 'webgpu', 'cpu'];

export interface AutomaticOptions {
  /** Measures, whatever is remembered. */
  readonly anew?: boolean;
  /** Those that could work; what is installed unless a test says otherwise. */
  readonly candidates?: readonly ExecutionProvider[];
  /** Where measurements are kept; in the user's cache unless said otherwise. */
  readonly folder?: string;
  readonly probe?: typeof probeProvider;
  readonly abortSignal?: AbortSignal | undefined;
}

export interface AutomaticChoice {
  readonly provider: ExecutionProvider;
  /** Measured by an earlier process. */
  readonly isRemembered: boolean;
}

/**
 * The provider that computes fastest here. A software driver of a GPU works and is slower than the CPU; so whatever
 * could work is measured, once, until a driver, a version or the machine changes. Errors: `aborted`.
 */
export async function fastestProvider(
  threads: number,
  {
    anew = false,
    candidates = installed(),
    folder,
    probe = probeProvider,
    abortSignal,
  }: AutomaticOptions = {},
): Promise<AutomaticChoice> {
  // The CPU alone needs no race.
  if (candidates.length === 1) return { provider: candidates[0] ?? 'cpu', isRemembered: false };
  const key = probeKey(threads, candidates);
  const remembered = anew ? undefined : await recall(key, folder);
  if (remembered !== undefined)
    return { provider: fastest(remembered)?.provider ?? 'cpu', isRemembered: true };
  const probes: ProviderProbe[] = [];
  // One at a time, as they disturb each other.
  for (const candidate of candidates) {
    probes.push(await probe(candidate, { threads, abortSignal }));
    throwIfAborted(abortSignal);
  }
  await remember(key, probes, folder);
  return { provider: fastest(probes)?.provider ?? 'cpu', isRemembered: false };
}

/** Lets later processes choose by these measurements; the file that keeps them, undefined where there is no choice. */
export async function rememberForAuto(
  threads: number,
  probes: readonly ProviderProbe[],
): Promise<string | undefined> {
  const candidates = installed();
  const theirs = candidates.flatMap((candidate) => probes.filter(({ provider }) => provider === candidate));
  if (theirs.length < 2) return undefined;
  return remember(probeKey(threads, candidates), theirs);
}

function installed(): ExecutionProvider[] {
  return AUTOMATIC.filter((candidate) => missingPart(candidate) === undefined);
}
