import { extname } from 'node:path';
import { AidError } from '../../../errors.js';
import { readError } from '../../../read-error.js';
import type { BagReader } from './bag-reader.js';
import { openMcap } from './mcap-reader.js';
import { openSqliteBag } from './sqlite-reader.js';

/** Of the files that recordings consist of. */
export const BAG_ENDINGS = ['.mcap', '.db3'];

/** Opens a file of a recording for as long as `use` takes. Errors: `invalid-data`, naming it `name`; `io-failed`. */
export async function withBag<Result>(
  name: string,
  file: string,
  use: (bag: BagReader) => Promise<Result>,
): Promise<Result> {
  const isSqlite = extname(file) === '.db3';
  try {
    const bag = await (isSqlite ? openSqliteBag(file) : openMcap(file));
    try {
      return await use(bag);
    } finally {
      await bag.close();
    }
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    const kind = isSqlite ? 'an sqlite3 bag' : 'an MCAP bag';
    const message = `${name}: could not be read as ${kind}: ${(cause as Error).message}`;
    throw readError('invalid-data', message, cause);
  }
}
