import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ExecutionProvider } from '#planner/runtime/engine.js';
import { fastestProvider } from '#planner/runtime/probe/fastest-provider.js';
import type { ProviderProbe } from '#planner/runtime/probe/probe.js';
import { probeKey } from '#planner/runtime/probe/probe-key.js';
import { temporaryFolder } from '../conditioning/temporary-folder.js';

const CANDIDATES: readonly ExecutionProvider[] = ['webgpu', 'cpu'];
const SPEEDS: Readonly<Partial<Record<ExecutionProvider, number>>> = { webgpu: 2e9, cpu: 5e10 };

let folder = '';
let measured: ExecutionProvider[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  measured = [];
});

const probe = async (provider: ExecutionProvider): Promise<ProviderProbe> => {
  measured.push(provider);
  const flopsPerSecond = SPEEDS[provider] ?? 0;
  return { provider, works: true, speed: { flopsPerSecond, bytesPerSecond: 1e9, secondsPerNode: 1e-6 } };
};
const choose = (threads: number, options = {}) =>
  fastestProvider(threads, { candidates: CANDIDATES, folder, probe, ...options });

describe('the fastest provider', () => {
  it('is measured once, and remembered', async () => {
    expect(await choose(2)).toEqual({ provider: 'cpu', isRemembered: false });
    expect(await choose(2)).toEqual({ provider: 'cpu', isRemembered: true });
    expect(measured).toEqual(['webgpu', 'cpu']);
  });

  it('is not measured where there is no choice', async () => {
    expect(await choose(2, { candidates: ['cpu'] })).toEqual({ provider: 'cpu', isRemembered: false });
    expect([measured, readdirSync(folder)]).toEqual([[], []]);
  });

  it('is measured for every number of threads and set of providers', async () => {
    await choose(2);
    await choose(1);
    await choose(2, { candidates: ['cuda', 'cpu'] });
    expect(measured).toEqual(['webgpu', 'cpu', 'webgpu', 'cpu', 'cuda', 'cpu']);
  });

  it('is not remembered when measuring was aborted', async () => {
    const controller = new AbortController();
    const leaving = async (provider: ExecutionProvider): Promise<ProviderProbe> => {
      controller.abort();
      return probe(provider);
    };
    const left = choose(2, { probe: leaving, abortSignal: controller.signal });
    await expect(left).rejects.toMatchObject({ code: 'aborted' });
    expect([measured, readdirSync(folder)]).toEqual([['webgpu'], []]);
  });

  it('is measured again when asked for, and that is remembered', async () => {
    await choose(2);
    const slowCpu = async (provider: ExecutionProvider): Promise<ProviderProbe> =>
      provider === 'cpu' ? { provider, works: false, reason: 'gone' } : probe(provider);
    expect(await choose(2, { anew: true, probe: slowCpu })).toEqual({
      provider: 'webgpu',
      isRemembered: false,
    });
    expect(await choose(2)).toEqual({ provider: 'webgpu', isRemembered: true });
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, 100)],
    ['of another kind', () => '{"probes": [{"provider": "cpu", "works": true}]}'],
    ['empty', () => ''],
    ['older than a week', (text: string) => text.replace(/"measured": "\d+/, '"measured": "2001')],
  ])('is measured again when what is remembered is %s', async (_, damage) => {
    await choose(2);
    const file = join(folder, readdirSync(folder)[0] ?? '');
    const whole = readFileSync(file, 'utf8');
    expect(damage(whole)).not.toBe(whole);
    writeFileSync(file, damage(whole));
    expect(await choose(2)).toEqual({ provider: 'cpu', isRemembered: false });
    expect(await choose(2)).toEqual({ provider: 'cpu', isRemembered: true });
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('needs no cache', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await choose(2, { folder: file })).toEqual({ provider: 'cpu', isRemembered: false });
  });
});

describe.skipIf(process.platform !== 'linux')('what is remembered counts no more', () => {
  const keyOf = (manifest: string, more = {}) =>
    JSON.stringify(probeKey(2, CANDIDATES, { VK_DRIVER_FILES: manifest, ...more }));

  it('when a driver changes, or what chooses among drivers', () => {
    const [manifest, library] = [join(folder, 'icd.json'), join(folder, 'driver.so')];
    writeFileSync(manifest, '{"ICD": {"library_path": "./driver.so"}}');
    writeFileSync(library, 'one');
    const key = keyOf(manifest);
    expect(keyOf(manifest)).toBe(key);
    expect(keyOf(manifest, { LANG: 'C' })).toBe(key);
    expect(keyOf(manifest, { DRI_PRIME: '1' })).not.toBe(key);
    writeFileSync(library, 'another');
    expect(keyOf(manifest)).not.toBe(key);
    expect(keyOf(join(folder, 'none.json'))).not.toBe(key);
  });
});

/** The environment in which webgpu is worth a try; null where the software driver is not unpacked. */
const software = JSON.parse(
  execFileSync('node', ['scripts/setup-software-vulkan.mjs', '--find'], { encoding: 'utf8' }),
) as Record<string, string> | null;

const why = software === null ? ' (no driver: node scripts/setup-software-vulkan.mjs)' : '';
it.skipIf(software === null)(`a remembered provider that works no more is measured again${why}`, () => {
  // A loader without a driver.
  const environment = { ...process.env, ...software, VK_ICD_FILENAMES: '/nowhere', XDG_CACHE_HOME: folder };
  const program = join(folder, 'program.mjs');
  const runtime = fileURLToPath(new URL('../../../dist/planner/runtime', import.meta.url));
  writeFileSync(
    program,
    `import { chooseEngine } from '${runtime}/choose-engine.js';
    import { fastestProvider, rememberForAuto } from '${runtime}/probe/fastest-provider.js';
    const speed = (flopsPerSecond) => ({ flopsPerSecond, bytesPerSecond: 1, secondsPerNode: 1 });
    await rememberForAuto(1, [
      { provider: 'webgpu', works: true, speed: speed(9e9) },
      { provider: 'cpu', works: true, speed: speed(1) },
    ]);
    const before = await fastestProvider(1);
    const engine = await chooseEngine({ threads: 1 });
    console.log(JSON.stringify([before, engine.description.provider, await fastestProvider(1)]));
    await engine.dispose();`,
  );
  const stdout = execFileSync(process.execPath, [program], {
    env: environment,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  expect(JSON.parse(stdout)).toEqual([
    { provider: 'webgpu', isRemembered: true },
    'cpu',
    { provider: 'cpu', isRemembered: true },
  ]);
});
