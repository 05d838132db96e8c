import { extname } from 'node:path';
import { AidError } from '../../../errors.js';
import type { BagReader } from './bag-reader.js';
import { openMcap } from './mcap-reader.js';
import { openSqliteBag } from './sqlite-reader.js';

/** Of the files that recordings consist of. */
export const BAG_ENDINGS = ['.mcap', '.db3'];

/** Opens a recording for as long as `use` takes. `files` follow each other in time. Errors: `invalid-data`. */
export async function withBag<Result>(
  name: string,
  files: readonly string[],
  use: (bag: BagReader) => Promise<Result>,
): Promise<Result> {
  const opened: BagReader[] = [];
  let kind = 'a bag';
  try {
    for (const file of files) {
      kind = extname(file) === '.db3' ? 'an sqlite3 bag' : 'an MCAP bag';
      opened.push(await (extname(file) === '.db3' ? openSqliteBag(file) : openMcap(file)));
    }
    return await use(inSequence(opened));
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    const message = `${name}: could not be read as ${kind}: ${(cause as Error).message}`;
    throw new AidError('invalid-data', message, { cause });
  } finally {
    for (const bag of opened) await bag.close();
  }
}

function inSequence(bags: readonly BagReader[]): BagReader {
  const [first] = bags;
  if (bags.length === 1 && first !== undefined) return first;
  return {
    topics: [...new Map(bags.flatMap(({ topics }) => topics).map((topic) => [topic.name, topic])).values()],
    metadata: Object.assign({}, ...bags.map(({ metadata }) => metadata)),
    async *messages(query) {
      for (const bag of bags) yield* bag.messages(query);
    },
    close: async () => undefined,
  };
}
