/** Which pictures of a recording belong to which command. */
import { firstAt } from '../first-at.js';

export interface Command {
  /** When it was recorded. */
  readonly stampNs: bigint;
  /** Empty for an end without a new command. */
  readonly text: string;
}

export interface CommandSpan {
  readonly text: string;
  /** Pictures `first` to `end` - 1 of the recording. */
  readonly first: number;
  readonly end: number;
}

export interface PairingOptions {
  readonly leadMs: number;
  readonly repeatMs: number;
  readonly maxSeconds: number;
}

const ns = (ms: number): bigint => BigInt(Math.round(ms * 1e6));

/**
 * A command's pictures are those from `leadMs` before it to the next command, but never more than `maxSeconds`
 * after it. The same words within `repeatMs` of the last time are the same command, said again.
 * `stampsNs` and `commands` in the order of time. A command without pictures has an empty span.
 */
export function commandSpans(
  commands: readonly Command[],
  stampsNs: readonly bigint[],
  { leadMs, repeatMs, maxSeconds }: PairingOptions,
): CommandSpan[] {
  const distinct: (Command & { lastNs: bigint })[] = [];
  for (const { stampNs, text } of commands) {
    const previous = distinct.at(-1);
    if (previous?.text === text && stampNs - previous.lastNs <= ns(repeatMs)) previous.lastNs = stampNs;
    else distinct.push({ stampNs, text, lastNs: stampNs });
  }
  const spans = distinct.map(({ stampNs, text }, index) => {
    const next = distinct[index + 1];
    const latest = Number.isFinite(maxSeconds) ? stampNs + ns(maxSeconds * 1000) + 1n : undefined;
    const until = earlier(next === undefined ? undefined : next.stampNs - ns(leadMs), latest);
    const first = firstAt(stampsNs, stampNs - ns(leadMs));
    const end = until === undefined ? stampsNs.length : firstAt(stampsNs, until);
    return { text, first, end: Math.max(first, end) };
  });
  return spans.filter(({ text }) => text !== '');
}

function earlier(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
