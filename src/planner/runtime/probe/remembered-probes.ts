/** Measurements of providers, kept from one process to the next in the user's cache. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.js';
import { userCacheFolder } from '../../cache-folder.js';
import { EXECUTION_PROVIDERS } from '../engine.js';
import type { ProviderProbe } from './probe.js';
import type { ProbeKey } from './probe-key.js';
import { probeReplySchema } from './probe-reply.js';

/** A busy machine measures wrongly; so nothing is believed for ever. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;

const provider = z.enum(EXECUTION_PROVIDERS);
const rememberedSchema = z.object({
  measured: z.iso.datetime(),
  probes: z.array(z.intersection(z.object({ provider }), probeReplySchema)).nonempty(),
});

/** What was measured under this key; undefined where that is missing, damaged, or older than a week. */
export async function recall(key: ProbeKey, folder?: string): Promise<readonly ProviderProbe[] | undefined> {
  try {
    const text = await readFile(fileOf(key, folder), 'utf8');
    const { measured, probes } = rememberedSchema.parse(JSON.parse(text));
    return Date.now() - Date.parse(measured) < MAX_AGE_MS ? probes : undefined;
  } catch {
    return undefined;
  }
}

/** The file that keeps it; undefined where none could be written, which is no reason not to go on. */
export async function remember(
  key: ProbeKey,
  probes: readonly ProviderProbe[],
  folder?: string,
): Promise<string | undefined> {
  try {
    const file = fileOf(key, folder);
    const remembered = { measured: new Date().toISOString(), key, probes };
    await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify(remembered, null, 1)}\n`));
    return file;
  } catch {
    return undefined;
  }
}

function fileOf(key: ProbeKey, folder = userCacheFolder('providers')): string {
  return join(folder, `${createHash('sha256').update(JSON.stringify(key)).digest('hex')}.json`);
}
