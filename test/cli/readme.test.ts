import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filesForTests } from './model-for-tests.js';
import { aid, emptyFolder, run } from './run-aid.js';

const files = filesForTests();
const readme = readFileSync('README.md', 'utf8');

it("the README's program runs", async () => {
  const [, program = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  const folder = emptyFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(process.cwd(), join(folder, 'node_modules', 'aid-planner'));
  writeFileSync(
    join(folder, 'program.mjs'),
    program.replace('models/aid-mini', files.model).replace('frame.png', files.frame),
  );
  const { exitCode, stdout, stderr } = await run(process.execPath, ['program.mjs'], { cwd: folder });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe('step 1 of 2\nstep 2 of 2\n4 frames, 0 warnings\n');
  expect(readFileSync(join(folder, 'clip.webp')).subarray(0, 4).toString()).toBe('RIFF');
});

it('a program in the command line runs', async () => {
  const program = `import { VideoPlanner } from 'aid-planner';
    const planner = await VideoPlanner.load('${files.model}', { provider: 'cpu' });
    console.log(planner.engine.provider);
    await planner.dispose();`;
  const { exitCode, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program]);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: 'cpu\n', stderr: '' });
});

it("the README's table has every option of aid imagine, and no other", async () => {
  const { stdout } = await aid(['imagine', '--help']);
  const names = (text: string): string[] => [...new Set(text.match(/(?<=\s|`)--[a-z-]+/g) ?? [])].sort();
  const table = readme.split('\n').filter((line) => line.startsWith('| `--'));
  const known = names(stdout).filter((name) => name !== '--help');
  expect(names(table.join('\n'))).toEqual(known);
});
