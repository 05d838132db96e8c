import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AidError } from '../../errors.js';

/** The `.mcap` files of a folder, by name. Errors: `invalid-data` when there are none. */
export function bagsIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new AidError('invalid-data', `${folder}: could not be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const bags = names.filter((name) => name.endsWith('.mcap')).sort();
  if (bags.length === 0) throw new AidError('invalid-data', `${folder}: no .mcap file in it`);
  return bags.map((name) => join(folder, name));
}
