/** Tries a provider in a process of its own, so that a driver that crashes or hangs takes nobody with it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExecutionProvider } from '../engine.js';
import { missingPart } from '../onnxruntime/installed.js';
import { type ProbeReply, readReply } from './probe-reply.js';

export type ProviderProbe = { readonly provider: ExecutionProvider } & ProbeReply;

export interface ProbeOptions {
  readonly threads: number;
  /** What starts the engine; node's own unless a test says otherwise. */
  readonly program?: string;
  readonly timeoutMs?: number;
  /** Ends the process; the probe then says that the provider does not work. */
  readonly abortSignal?: AbortSignal | undefined;
}

const PROGRAM = fileURLToPath(new URL('./probe-process.js', import.meta.url));
/** The first start of a GPU takes long. */
const TIMEOUT_MS = 30_000;
const NO_REPLY: ProbeReply = { works: false, reason: 'the process it was tried in ended without a reply' };

/** Whether a provider works here, why not, and how fast it is. Takes a second or two; never throws. */
export async function probeProvider(
  provider: ExecutionProvider,
  { threads, program = PROGRAM, timeoutMs = TIMEOUT_MS, abortSignal }: ProbeOptions,
): Promise<ProviderProbe> {
  const missing = missingPart(provider);
  if (missing !== undefined) return { provider, works: false, reason: missing };
  return new Promise((resolve) => {
    const args = [program, provider, String(threads)];
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', signal: abortSignal } as const;
    execFile(process.execPath, args, limits, (error, stdout) => {
      if (error === null) resolve({ provider, ...(readReply(stdout) ?? NO_REPLY) });
      else if (abortSignal?.aborted === true) resolve({ provider, works: false, reason: 'aborted' });
      else resolve({ provider, works: false, reason: reasonOf(error, timeoutMs) });
    });
  });
}

function reasonOf(
  { killed, signal, code }: { killed?: boolean; signal?: string | null; code?: unknown },
  timeoutMs: number,
): string {
  if (killed === true) return `it gave no answer within ${timeoutMs / 1000} seconds`;
  return `it ended the process it was tried in (${signal ?? `exit status ${String(code)}`})`;
}

/** The one that computes fastest of those that work. */
export function fastest(probes: readonly ProviderProbe[]): ProviderProbe | undefined {
  const speedOf = (probe: ProviderProbe): number => (probe.works ? probe.speed.flopsPerSecond : 0);
  return probes.filter(({ works }) => works).sort((a, b) => speedOf(b) - speedOf(a))[0];
}
