import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AidError } from '../../errors.js';

/** The `.mcap` files of a folder, by name. Errors: `invalid-data` when there are none. */
export function bagsIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new AidError(
      'invalid-data',
      `${folder}: ${missing ? 'no such folder' : `could not be read: ${(cause as Error).message}`}`,
      { cause },
    );
  }
  const bags = names.filter((name) => name.endsWith('.mcap')).sort();
  if (bags.length === 0) throw new AidError('invalid-data', `${folder}: no .mcap file in it`);
  return bags.map((name) => join(folder, name));
}

/** A few words that change when bags come, go, or change their size. */
export function bagList(bags: readonly string[]): string {
  const hash = createHash('sha256');
  for (const bag of bags) hash.update(`${basename(bag)} ${bagSize(bag)}\n`);
  return `${bags.length} bags (${hash.digest('hex').slice(0, 8)})`;
}

function bagSize(bag: string): number | undefined {
  return statSync(bag, { throwIfNoEntry: false })?.size;
}
