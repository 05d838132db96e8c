/** The programs in the documents: they compile as TypeScript, and those of the guide run. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesForTests } from '../cli/model-for-tests.js';
import { emptyFolder, type Outcome, run } from '../cli/run-aid.js';

const files = filesForTests();

/** The blocks of a document in these languages. */
function blocksOf(document: string, languages = 'ts|js'): string[] {
  const fence = new RegExp(`\`\`\`(?:${languages})\\n([\\s\\S]*?)\`\`\``, 'g');
  return [...readFileSync(document, 'utf8').matchAll(fence)].map(([, block = '']) => block);
}

/** A folder in which this package and RxJS are installed. */
function project(): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(process.cwd(), join(folder, 'node_modules', 'aid-planner'));
  symlinkSync(join(process.cwd(), 'node_modules', 'rxjs'), join(folder, 'node_modules', 'rxjs'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  // An example may show a name and leave what is done with it to the reader.
  const typeRoots = [join(process.cwd(), 'node_modules', '@types')];
  const compilerOptions = { noEmit: false, noUnusedLocals: false, typeRoots };
  const config = { extends: join(process.cwd(), 'tsconfig.json'), compilerOptions, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return folder;
}

/** Compiles the TypeScript of a folder where it lies, under this project's own strict settings. */
function compile(folder: string): Promise<Outcome> {
  const compiler = join(process.cwd(), 'node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [compiler, '-p', folder]);
}
const compiled = { exitCode: 0, stdout: '', stderr: '' };

describe('docs/sdk.md', () => {
  const [prelude = '', ...blocks] = blocksOf('docs/sdk.md');
  it('has a block for each stream', () => expect(blocks).toHaveLength(6));

  it('its blocks compile and run', async () => {
    const folder = project();
    // Each in a scope of its own, with the names of the first block.
    const program = [prelude, ...blocks.map((block) => `{\n${block}}`), 'await planner.dispose();\n'].join(
      '\n',
    );
    writeFileSync(
      join(folder, 'program.ts'),
      program.replaceAll('models/aid-mini', files.model).replaceAll('frame.png', files.frame),
    );
    expect(await compile(folder)).toEqual(compiled);
    const { exitCode, stdout, stderr } = await run(process.execPath, ['program.js'], { cwd: folder });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const line of ['preview 1 32', '2 of 2', '4 7', '7 2', 'dropped 0', 'end 1'])
      expect(stdout.split('\n')).toContain(line);
    expect(stdout).toMatch(/^put the red cube on the blue plate 3 begins 32 pixels wide 4 0$/m);
  });
});

it('the blocks of the README and of docs/cluster.md compile', async () => {
  const folder = project();
  // What the README leaves to the reader.
  const names = `
    import type { Command, Frame, Rank } from 'aid-planner/sdk';
    import type { Observable } from 'rxjs';
    declare global {
      const stack: string, push: string, rank: Rank;
      const command$: Observable<Command>, frame$: Observable<Frame>;
    }`;
  writeFileSync(join(folder, 'names.d.ts'), names);
  const blocks = [...blocksOf('README.md'), ...blocksOf('docs/cluster.md')];
  expect(blocks).toHaveLength(3);
  for (const [index, block] of blocks.entries()) writeFileSync(join(folder, `block-${index}.ts`), block);
  expect(await compile(folder)).toEqual(compiled);
});
