import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { missingPart } from '#planner/runtime/onnxruntime/installed.js';
import { fastest, type ProviderProbe, probeProvider } from '#planner/runtime/probe/probe.js';
import { temporaryFolder } from '../conditioning/temporary-folder.js';

function program(source: string): string {
  const file = `${temporaryFolder()}/program.mjs`;
  writeFileSync(file, source);
  return file;
}

describe('a provider', () => {
  it('that works is measured', async () => {
    const probe = await probeProvider('cpu', { threads: 1 });
    if (!probe.works) throw new Error(probe.reason);
    for (const value of Object.values(probe.speed)) expect(value).toBeGreaterThan(0);
  });

  it('whose driver crashes takes nobody with it', async () => {
    const options = {
      threads: 1,
      program: program('process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1e3);'),
    };
    expect(await probeProvider('cpu', options)).toEqual({
      provider: 'cpu',
      works: false,
      reason: 'it ended the process it was tried in (SIGSEGV)',
    });
    expect(await probeProvider('cpu', { threads: 1, program: program('process.exit(3)') })).toMatchObject({
      reason: 'it ended the process it was tried in (exit status 3)',
    });
  });

  it.each([
    ['before', 'process.stdout.write("[driver] using llvmpipe\\n");', 'process.stdout.write'],
    ['after', '', 'process.on("exit", () => process.stdout.write("[driver] bye")); process.stdout.write'],
  ])('whose driver prints something %s the reply is understood', async (_, first, write) => {
    const reply = JSON.stringify('\n{"works":false,"reason":"none"}\n');
    const options = { threads: 1, program: program(`${first} ${write}(${reply});`) };
    expect(await probeProvider('cpu', options)).toEqual({ provider: 'cpu', works: false, reason: 'none' });
  });

  it.each(['', 'hello', '{}', '{"works":true}'])('whose process says "%s" does not work', async (said) => {
    const options = { threads: 1, program: program(`process.stdout.write(${JSON.stringify(said)});`) };
    expect(await probeProvider('cpu', options)).toMatchObject({
      works: false,
      reason: 'the process it was tried in ended without a reply',
    });
  });

  it('whose driver hangs is given up', async () => {
    const options = { threads: 1, program: program('setInterval(() => {}, 1e3);'), timeoutMs: 500 };
    expect(await probeProvider('cpu', options)).toMatchObject({
      works: false,
      reason: 'it gave no answer within 0.5 seconds',
    });
  });

  it('that is being tried is left when that is aborted', async () => {
    const abortSignal = AbortSignal.timeout(200);
    const options = { threads: 1, program: program('setInterval(() => {}, 1e3);'), abortSignal };
    expect(await probeProvider('cpu', options)).toMatchObject({ works: false, reason: 'aborted' });
  });

  it('that is not installed is not even tried', async () => {
    expect(missingPart('cpu')).toBeUndefined();
    const missing = missingPart('tensorrt');
    if (missing === undefined) return;
    const options = { threads: 1, program: program('process.exit(3)') };
    expect(await probeProvider('tensorrt', options)).toMatchObject({ works: false, reason: missing });
  });
});

it('chooses the fastest of those that work', () => {
  const speed = (flopsPerSecond: number) => ({ flopsPerSecond, bytesPerSecond: 1, secondsPerNode: 1 });
  const cpu: ProviderProbe = { provider: 'cpu', works: true, speed: speed(50) };
  const software: ProviderProbe = { provider: 'webgpu', works: true, speed: speed(2) };
  const broken: ProviderProbe = { provider: 'cuda', works: false, reason: 'broken' };
  expect(fastest([broken, software, cpu])).toBe(cpu);
  expect(fastest([broken])).toBeUndefined();
});
