/** What an engine can be asked for. */
import { AidError } from '../errors.js';
import { EXECUTION_PROVIDERS, type ExecutionProvider } from './engine.js';

/** `auto` takes the fastest that works. */
export type ChosenProvider = ExecutionProvider | 'auto';
export const CHOSEN_PROVIDERS: readonly ChosenProvider[] = ['auto', ...EXECUTION_PROVIDERS];

const MAX_THREADS = 1024;

export interface EngineOptions {
  readonly provider?: ChosenProvider;
  readonly threads?: number;
}

/** An engine takes a provider that it does not know for none, and computes on the CPU. Errors: `invalid-argument`. */
export function checkEngineOptions({ provider = 'auto', threads = 1 }: EngineOptions): void {
  if (!CHOSEN_PROVIDERS.includes(provider))
    throw new AidError(
      'invalid-argument',
      `provider: expected one of ${CHOSEN_PROVIDERS.join(', ')}, got ${provider}`,
    );
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS)
    throw new AidError(
      'invalid-argument',
      `threads: expected a whole number from 1 to ${MAX_THREADS}, got ${threads}`,
    );
}
