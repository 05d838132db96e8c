/** What a goal's client is told in the end. */
import type { ClipMessage, ImagineResult } from '../sdk/messages/messages.js';
import { durationFromMs } from '../sdk/messages/time.js';
import { type CommandError, ERROR_CODE } from './error-codes.js';

/** `clips` are those that were complete. */
export function goalResult(
  clips: readonly ClipMessage[],
  error: CommandError | undefined,
  latencyMs: number,
): ImagineResult {
  return {
    clips,
    error_code: ERROR_CODE[error?.error ?? 'NONE'],
    error_msg: error?.message ?? '',
    total_time: durationFromMs(latencyMs),
  };
}
