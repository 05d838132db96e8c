/** The sqlite3 storage of rosbag2, its default before ROS 2 Iron. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sqlite, { type Database } from 'node-sqlite3-wasm';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import type { BagReader, BagTopic } from './bag-reader.js';

const integer = z.union([z.bigint(), z.number()]).transform(BigInt);
const topicRow = z.object({
  id: integer,
  name: z.string(),
  type: z.string(),
  serialization_format: z.string(),
});
const definitionRow = z.object({
  topic_type: z.string(),
  encoding: z.string(),
  encoded_message_definition: z.string(),
});
const messageRow = z.object({
  topic_id: integer,
  timestamp: integer,
  data: z.instanceof(Uint8Array).nullable(),
});

/** Of a write-ahead log: there while a bag is recorded, and left where the recorder was killed. */
export const LOG_ENDING = '-wal';

/**
 * Opens a `.db3` file, with what its write-ahead log adds. Errors: those of the file and of its format, not named;
 * `io-failed`.
 */
export async function openSqliteBag(path: string): Promise<BagReader> {
  checkFormat(path);
  const folder = temporaryFolder();
  let database: Database | undefined;
  const close = (): void => {
    try {
      database?.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  try {
    database = new sqlite.Database(linkIn(folder, path), { readOnly: true });
    // A log's index lies in memory that processes share, which there is none of here, or else in that of its one user.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    return readerOf(path, database, async () => close());
  } catch (error) {
    close();
    throw failure(path, error);
  }
}

/** Errors: `io-failed`. */
function temporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'aid-bag-'));
  } catch (cause) {
    throw new AidError(
      'io-failed',
      `${tmpdir()}: sqlite3 bags are read through it: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/**
 * SQLite puts its lock and its log beside the name that it opens. Through a link in a folder of its own, a bag can be
 * read twice at once, where nothing may be written, and after a reader that was killed. Reading changes the log: it is
 * copied.
 */
function linkIn(folder: string, path: string): string {
  const link = join(folder, 'bag.db3');
  try {
    symlinkSync(resolve(path), link);
  } catch {
    // Windows lets few users make links.
    copyFileSync(path, link);
  }
  if (existsSync(path + LOG_ENDING)) copyFileSync(path + LOG_ENDING, link + LOG_ENDING);
  return link;
}

function readerOf(path: string, database: Database, close: () => Promise<void>): BagReader {
  const definitions = hasTable(database, 'message_definitions')
    ? database
        .all('SELECT topic_type, encoding, encoded_message_definition FROM message_definitions')
        .map((row) => definitionRow.parse(row))
    : [];
  const rows = database
    .all('SELECT id, name, type, serialization_format FROM topics')
    .map((row) => topicRow.parse(row));
  const odd = rows.find(({ serialization_format: format }) => format !== 'cdr');
  if (odd !== undefined) throw new Error(`${odd.name}: expected CDR, got ${odd.serialization_format}`);
  const topics = rows.map(({ name, type }): BagTopic => {
    const found = definitions.find((each) => each.topic_type === type && each.encoding === 'ros2msg');
    return found === undefined
      ? { name, type }
      : { name, type, definition: found.encoded_message_definition };
  });
  const nameOf = new Map(rows.map(({ id, name }) => [id, name]));
  const idsOf = (names: readonly string[]): bigint[] =>
    rows.filter(({ name }) => names.includes(name)).map(({ id }) => id);
  return {
    topics,
    metadata: {},
    async *messages({ topics: asked, stampsOnly = [], fromNs, toNs }) {
      const bare = idsOf(stampsOnly).join();
      const statement = database.prepare(
        `SELECT topic_id, timestamp, CASE WHEN topic_id IN (${bare}) THEN NULL ELSE data END AS data
         FROM messages WHERE topic_id IN (${idsOf(asked).join()}) AND timestamp BETWEEN ? AND ?
         ORDER BY timestamp, id`,
      );
      try {
        for (const row of statement.iterate([fromNs ?? 0n, toNs ?? 2n ** 63n - 1n])) {
          const { topic_id: id, timestamp: stampNs, data } = messageRow.parse(row);
          yield { topic: nameOf.get(id) ?? '', stampNs, data: data ?? new Uint8Array() };
        }
      } catch (error) {
        throw failure(path, error);
      } finally {
        statement.finalize();
      }
    },
    close,
  };
}

/** SQLite's words for what is not the file's fault; its errors have no codes here. */
const OF_THE_MACHINE =
  /^(Could not open the database|unable to open database file|disk I\/O error|out of memory|database or disk is full)/;

function failure(path: string, error: unknown): unknown {
  const { message } = error as Error;
  return OF_THE_MACHINE.test(message)
    ? new AidError('io-failed', `${path}: ${message}`, { cause: error })
    : error;
}

const MAGIC = 'SQLite format 3\0';

/** SQLite itself takes an empty file for an empty database. */
function checkFormat(path: string): void {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(MAGIC.length);
    readSync(file, start, 0, start.length, 0);
    if (start.toString('latin1') !== MAGIC) throw new Error('it does not begin as an SQLite database does');
  } finally {
    closeSync(file);
  }
}

function hasTable(database: Database, name: string): boolean {
  return database.get("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", [name]) !== null;
}
