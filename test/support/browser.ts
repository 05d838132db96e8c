/** A real browser: the one that an npm package brings, or the system's. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

const SYSTEM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** 200 MB, unpacked once. */
const UNPACKED = fileURLToPath(new URL('../../node_modules/.cache/aid-planner/browser', import.meta.url));

/** The npm package's browser; the package itself would leave it in the temporary folder. */
async function unpackedBrowser(): Promise<string> {
  if (!existsSync(UNPACKED)) {
    mkdirSync(dirname(UNPACKED), { recursive: true });
    const scratch = mkdtempSync(`${UNPACKED}-`);
    const { TMPDIR } = process.env;
    try {
      process.env.TMPDIR = scratch;
      await sparticuz.executablePath();
      renameSync(scratch, UNPACKED);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return join(UNPACKED, 'chromium');
}

/** Why no browser starts here, or one that has started. */
export async function startBrowser(): Promise<Browser | string> {
  const reasons: string[] = [];
  for (const find of [
    unpackedBrowser,
    ...SYSTEM.filter((path) => existsSync(path)).map((path) => async () => path),
  ]) {
    try {
      const executablePath = await find();
      return await chromium.launch({
        executablePath,
        args: ['--no-sandbox', '--disable-gpu'],
        headless: true,
      });
    } catch (error) {
      reasons.push((error as Error).message.split('\n', 1)[0] as string);
    }
  }
  return reasons.join('; ');
}
