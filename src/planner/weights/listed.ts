/** How many of many problems one line names. */
const SHOWN = 8;

/** The first problems and how many more there are, for a message; all of them belong into the error's `details`. */
export function listed(problems: readonly string[], separator = '; '): string {
  const rest = problems.length > SHOWN ? ` and ${problems.length - SHOWN} more` : '';
  return `${problems.slice(0, SHOWN).join(separator)}${rest}`;
}
