import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A file or folder beside the tests. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/** An empty folder that goes when the test ends, with the contents of these fixture folders. */
export function temporaryFolder(...fixtures: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-conditioning-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of fixtures) cpSync(fixture(name), folder, { recursive: true });
  return folder;
}
