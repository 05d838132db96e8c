/** What the process in which a provider is tried says of it. */
import { z } from 'zod';
import type { EngineSpeed } from '../estimate.js';

export type ProbeReply =
  | { readonly works: true; readonly speed: EngineSpeed }
  | { readonly works: false; readonly reason: string };

const speed = z.object({
  flopsPerSecond: z.number().positive(),
  bytesPerSecond: z.number().positive(),
  secondsPerNode: z.number().positive(),
});

export const probeReplySchema = z.discriminatedUnion('works', [
  z.object({ works: z.literal(true), speed }),
  z.object({ works: z.literal(false), reason: z.string() }),
]);

/** A line of its own, whatever a driver has printed before. */
export function replyLine(reply: ProbeReply): string {
  return `\n${JSON.stringify(reply)}\n`;
}

/** The last reply among what was printed. */
export function readReply(printed: string): ProbeReply | undefined {
  for (const line of printed.split('\n').reverse()) {
    const { success, data } = probeReplySchema.safeParse(jsonOf(line));
    if (success) return data;
  }
  return undefined;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
