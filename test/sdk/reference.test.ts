import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';

const script = JSON.parse(readFileSync('package.json', 'utf8')).scripts.reference as string;

it('npm run reference has a page for every name that the SDK uses, and nothing to complain of', async () => {
  const [program = '', ...args] = script.split(' ');
  const out = emptyFolder();
  const bin = join('node_modules', '.bin', program);
  const { exitCode, stdout, stderr } = await run(bin, [...args, '--out', out, '--logLevel', 'Warn']);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  for (const page of [
    'functions/imagineOn',
    'interfaces/Engine',
    'interfaces/GraphSession',
    'types/SamplerName',
  ])
    expect(existsSync(join(out, `${page}.html`)), page).toBe(true);
});
