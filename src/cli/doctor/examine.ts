/** What `aid doctor` finds out. */
import { checkNetworks } from '../../planner/imagination/check-networks.js';
import { type ClipEstimate, estimateClip } from '../../planner/imagination/clip-estimate.js';
import { type Networks, readNetworks } from '../../planner/imagination/networks.js';
import { EXECUTION_PROVIDERS, type ExecutionProvider } from '../../planner/runtime/engine.js';
import type { EngineSpeed } from '../../planner/runtime/estimate.js';
import { onnxRuntimeVersion } from '../../planner/runtime/onnxruntime/installed.js';
import { AUTOMATIC, rememberForAuto } from '../../planner/runtime/probe/fastest-provider.js';
import { fastest, type ProviderProbe, probeProvider } from '../../planner/runtime/probe/probe.js';
import { modelFolder, packageVersion } from '../package.js';
import { describeMachine, type Machine } from './machine.js';

export interface Examination {
  /** Version of this package. */
  readonly aid: string;
  readonly machine: Machine;
  readonly onnxruntime: string;
  readonly providers: readonly ProviderProbe[];
  /** What `auto` would take; null when nothing works. */
  readonly engine: ExecutionProvider | null;
  /** The file by which `auto` takes it from now on; null when there is nothing to choose from, or no file. */
  readonly remembered: string | null;
  /** Null when there is no model that could be read. */
  readonly model: {
    readonly path: string;
    /** With the model's own settings, and with each of its presets. */
    readonly clips: Readonly<Record<string, ClipEstimate>>;
  } | null;
  /** Why a clip could not be imagined here. */
  readonly problems: readonly string[];
}

/** The key of the model's own settings among `clips`. */
export const DEFAULT = 'default';

/** Tells `onPhase` what takes time. */
export async function examine(
  model: string | undefined,
  { onPhase }: { onPhase: (text: string) => void },
): Promise<Examination> {
  const machine = describeMachine();
  const problems: string[] = [];
  const providers: ProviderProbe[] = [];
  for (const provider of EXECUTION_PROVIDERS) {
    onPhase(`trying ${provider}`);
    providers.push(await probeProvider(provider, { threads: machine.cores }));
  }
  const engine = fastest(providers.filter(({ provider }) => AUTOMATIC.includes(provider)));
  if (engine === undefined) problems.push('nothing that could compute works here');
  const remembered = (await rememberForAuto(machine.cores, providers)) ?? null;
  onPhase('reading the model');
  let found: Examination['model'] = null;
  try {
    const networks = await readNetworks(modelFolder(model));
    checkNetworks(networks);
    found = { path: networks.path, clips: clipsOf(networks, engine?.works ? engine.speed : undefined) };
  } catch (error) {
    problems.push((error as Error).message);
  }
  const needed = found?.clips[DEFAULT]?.memory.totalBytes ?? 0;
  if (needed > machine.availableMemoryBytes) {
    const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
    problems.push(
      `a clip needs about ${gigabytes(needed)} GB of memory and ${gigabytes(machine.availableMemoryBytes)} GB are available`,
    );
  }
  return {
    aid: packageVersion(),
    machine,
    onnxruntime: onnxRuntimeVersion(),
    providers,
    engine: engine?.provider ?? null,
    remembered,
    model: found,
    problems,
  };
}

function clipsOf(networks: Networks, speed: EngineSpeed | undefined): Record<string, ClipEstimate> {
  const clips: Record<string, ClipEstimate> = { [DEFAULT]: estimateClip(networks, {}, speed) };
  for (const preset of Object.keys(networks.aid.presets))
    clips[preset] = estimateClip(networks, { preset }, speed);
  return clips;
}
