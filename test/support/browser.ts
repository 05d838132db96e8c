/** A real browser: the one that an npm package brings, or the system's. */
import { existsSync } from 'node:fs';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

const SYSTEM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Why no browser starts here, or one that has started. */
export async function startBrowser(): Promise<Browser | string> {
  const reasons: string[] = [];
  for (const find of [
    () => sparticuz.executablePath(),
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
