import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';

it('a server that ends before it answers is an error that says so', async () => {
  const script = pathToFileURL(resolve('scripts', 'triton', 'triton.mjs')).href;
  const program = `const { serve } = await import('${script}');
    await serve('nowhere').catch(({ message }) => process.stdout.write(message));`;
  const args = ['--input-type=module', '--eval', program];
  const { exitCode, stdout } = await run(process.execPath, args, { cwd: emptyFolder() });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'tritonserver ended: 1' });
});
