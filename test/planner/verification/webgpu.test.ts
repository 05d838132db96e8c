import { execFileSync, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TensorCheck } from '#planner/verification/verify.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The environment that a process needs to see the software Vulkan driver; null where there is none. */
const environment = JSON.parse(
  execFileSync('node', ['scripts/setup-software-vulkan.mjs', '--find'], { cwd: root, encoding: 'utf8' }),
) as Record<string, string> | null;

function verifyOnWebGpu(folder: string): Promise<TensorCheck[]> {
  const child = spawn('node', [`${here}/verify-on.mjs`, 'webgpu', folder], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as TensorCheck[]);
      else reject(new Error(`verify-on.mjs ended with status ${status}: ${errors}`));
    });
  });
}

const isForHere = process.platform === 'linux' && process.arch === 'x64';
const why = isForHere ? '' : ' (which is for Linux on x64 only)';

describe.skipIf(!isForHere)(`the webgpu provider, on a software Vulkan driver${why}`, () => {
  it('reproduces every golden within 1e-3', { timeout: 1_200_000 }, async () => {
    if (environment === null)
      throw new Error('the driver is missing: node scripts/setup-software-vulkan.mjs gets it');
    const checks = await verifyOnWebGpu('test/fixtures/goldens');
    expect(checks.filter(({ pass }) => !pass)).toEqual([]);
    expect(new Set(checks.map((check) => check.case)).size).toBe(11);
    for (const { tolerance } of checks) expect(tolerance).toBeLessThanOrEqual(1e-3);
  });
});
