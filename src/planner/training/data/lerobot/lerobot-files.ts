/** The JSON and Parquet files of a LeRobot data set. */
import { readFileSync } from 'node:fs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import { readError } from '../../../read-error.js';
import { reasonToSkip, type SkippedEpisode } from '../episode.js';

export const infoSchema = z.object({
  /** `v2.0`, `v2.1` or `v3.0`. */
  codebase_version: z.string(),
  fps: z.number().positive(),
  chunks_size: z.int().positive().default(1000),
  data_path: z.string(),
  video_path: z.string().nullish(),
  features: z.record(z.string(), z.object({ dtype: z.string() })),
});
export type LerobotInfo = z.infer<typeof infoSchema>;

/** Errors: `invalid-data`, naming the file. */
export function readJsonAs<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> {
  return checked(file, schema, () => JSON.parse(readFileSync(file, 'utf8')));
}

/** Rows that are what they should be, and the others, each with the reason. */
export interface ReadRows<Row> {
  readonly rows: readonly Row[];
  readonly skipped: readonly SkippedEpisode[];
}

/** A JSON object a line. Errors: `invalid-data`, naming the file. */
export function readJsonLinesAs<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): ReadRows<z.infer<Schema>> {
  const lines = checked(file, z.array(z.string()), () => readFileSync(file, 'utf8').split('\n'));
  return readEach(
    lines.flatMap((line, index) =>
      line.trim() === '' ? [] : [{ line, name: `${file}: line ${index + 1}` }],
    ),
    ({ line, name }) => checked(name, schema, () => JSON.parse(line)),
  );
}

/** The rows that `read` does not refuse. */
export function readEach<Item extends { readonly name: string }, Row>(
  items: readonly Item[],
  read: (item: Item) => Row,
): ReadRows<Row> {
  const rows: Row[] = [];
  const skipped: SkippedEpisode[] = [];
  for (const item of items) {
    try {
      rows.push(read(item));
    } catch (error) {
      skipped.push({ name: item.name, reason: reasonToSkip(error) });
    }
  }
  return { rows, skipped };
}

export interface ParquetRows {
  readonly columns: readonly string[];
  /** All rows unless said otherwise. */
  readonly from?: number;
  readonly to?: number;
}

/** A number of a column of whole ones, which may come as 64 bits. */
export const wholeNumber = z.union([z.bigint(), z.int()]).transform(Number);

/** Rows of a Parquet file; `schema` is that of the list. Errors: `invalid-data`, naming the file; `io-failed`. */
export async function readParquetAs<Schema extends z.ZodType>(
  file: string,
  { columns, from, to }: ParquetRows,
  schema: Schema,
): Promise<z.infer<Schema>> {
  let rows: unknown;
  try {
    rows = await parquetReadObjects({
      file: await asyncBufferFromFile(file),
      compressors,
      columns: [...columns],
      ...(from === undefined ? {} : { rowStart: from }),
      ...(to === undefined ? {} : { rowEnd: to }),
      // Text stays text, bytes stay bytes.
      utf8: false,
    });
  } catch (cause) {
    const message = `${file}: could not be read as Parquet: ${(cause as Error).message}`;
    throw readError('invalid-data', message, cause);
  }
  return checked(file, schema, () => rows);
}

/** Errors: `invalid-data`, naming `file` and what is odd in it; `io-failed`. */
export function checked<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  read: () => unknown,
): z.infer<Schema> {
  let content: unknown;
  try {
    content = read();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'no such file' : `could not be read: ${(cause as Error).message}`;
    throw readError('invalid-data', `${file}: ${what}`, cause);
  }
  const { data, error, success } = schema.safeParse(content);
  if (success) return data;
  const [issue] = error.issues;
  throw new AidError(
    'invalid-data',
    `${[file, ...(issue?.path.length === 0 ? [] : [issue?.path.join('.')])].join(': ')}: ${issue?.message}`,
  );
}

/** Python's `"chunk-{chunk_index:03d}/{video_key}".format(...)`. */
export function filled(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)(?::0(\d+)d)?\}/g, (_, name: string, digits: string | undefined) =>
    String(values[name]).padStart(Number(digits ?? 0), '0'),
  );
}
