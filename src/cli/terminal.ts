/** Lines to people and programs. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Anything else. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}
