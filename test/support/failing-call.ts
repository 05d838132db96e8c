/** Calls of the system that fail as a full disk, a broken one or too many open files make them. */
import fs, { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

type Call = (...args: readonly unknown[]) => unknown;

/** Until the test ends, `name` of `node:fs` (or of `node:fs/promises`) fails with `code` where `fails` says so. */
export function failingCall(
  name: string,
  code: string,
  fails: (...args: readonly unknown[]) => boolean = () => true,
): void {
  const owner = (name.startsWith('promises.') ? promises : fs) as unknown as Record<string, Call>;
  const key = name.replace('promises.', '');
  const call = owner[key] as Call;
  const replace = (by: Call): void => {
    owner[key] = by;
    syncBuiltinESMExports();
  };
  replace((...args) => {
    if (!fails(...args)) return call(...args);
    throw Object.assign(new Error(`${code}: as the test says, ${key}`), { code, syscall: key });
  });
  onTestFinished(() => replace(call));
}
