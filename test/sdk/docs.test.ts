import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesForTests } from '../cli/model-for-tests.js';
import { emptyFolder, run } from '../cli/run-aid.js';

const files = filesForTests();
const guide = readFileSync('docs/sdk.md', 'utf8');
const [prelude = '', ...blocks] = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block = '']) => block);

describe('docs/sdk.md', () => {
  it('has a block for each stream', () => expect(blocks).toHaveLength(6));

  it('its blocks run', async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(process.cwd(), join(folder, 'node_modules', 'aid-planner'));
    symlinkSync(join(process.cwd(), 'node_modules', 'rxjs'), join(folder, 'node_modules', 'rxjs'));
    // Each in a scope of its own, with the names of the first block.
    const program = [prelude, ...blocks.map((block) => `{\n${block}}`), 'await planner.dispose();\n'].join(
      '\n',
    );
    writeFileSync(
      join(folder, 'program.mjs'),
      program.replaceAll('models/aid-mini', files.model).replaceAll('frame.png', files.frame),
    );
    const { exitCode, stdout, stderr } = await run(process.execPath, ['program.mjs'], { cwd: folder });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const line of ['preview 1 32', '2 of 2', '4 7', '7 2', 'dropped 0', 'end 1'])
      expect(stdout.split('\n')).toContain(line);
    expect(stdout).toMatch(/^put the red cube on the blue plate 3 begins 32 pixels wide 4$/m);
  });
});
