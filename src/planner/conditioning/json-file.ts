/** JSON files of a model folder. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { AidError } from '../errors.js';

/** A JSON file against its schema, undefined where there is none. Errors: `invalid-model-folder`, naming the file. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  return parseJson(text, schema, file, 'invalid-model-folder');
}

/** The text of a JSON file against its schema. Errors: `code`, naming the file. */
export function parseJson<T>(
  text: string,
  schema: z.ZodType<T>,
  file: string,
  code: 'invalid-model-folder' | 'invalid-config',
): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AidError(code, `${file}: not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AidError(
    code,
    `${file}: ${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'malformed'}`,
    { cause: parsed.error },
  );
}

/** A file that need not be there. Errors: `invalid-model-folder`, naming the file. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AidError('invalid-model-folder', `${file}: could not be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
