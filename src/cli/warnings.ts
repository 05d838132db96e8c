/** Warnings of the clips of an evaluation. */
import { note } from './terminal.js';

/** Wordings never seen may have many words never seen. */
const SHOWN = 4;

export function noteWarnings(warnings: readonly string[], where: string): void {
  for (const warning of warnings.slice(0, SHOWN)) note(`aid: warning: ${warning}`);
  const more = warnings.length - SHOWN;
  if (more > 0) note(`aid: ${more} more warnings in ${where}`);
}
