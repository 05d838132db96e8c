import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { describe, expect, it, onTestFinished } from 'vitest';

const root = process.cwd();
const { forbidden, options } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
  forbidden: { name: string }[];
  options: ICruiseOptions;
};

/** `rule: from -> to` of every arrow that points the wrong way. */
async function violations(baseDir: string): Promise<string[]> {
  const ruleSet = { forbidden } as NonNullable<ICruiseOptions['ruleSet']>;
  const { output } = await cruise(['src'], { ...options, baseDir, validate: true, ruleSet }, undefined, {
    tsConfig: extractTSConfig(join(root, 'tsconfig.json')),
  });
  return (output as ICruiseResult).summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`,
  );
}

/** A project of these sources, by path in src/. */
function project(sources: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-architecture-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, source] of Object.entries(sources)) {
    const file = join(folder, 'src', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, source);
  }
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

it('the arrows between the rooms point the way they should', async () => {
  expect(await violations(root)).toEqual([]);
});

describe('an arrow that would point the wrong way is found', () => {
  it.each([
    ['planner-stands-alone', 'planner/a.ts', 'sdk/b.ts'],
    ['sdk-knows-the-planner-only', 'sdk/a.ts', 'ros-node/b.ts'],
    ['ros-node-knows-sdk-and-planner-only', 'ros-node/a.ts', 'cli/b.ts'],
    ['cli-knows-sdk-and-planner-only', 'cli/a.ts', 'ros-node/b.ts'],
    ['nothing-knows-the-cli', 'planner/a.ts', 'cli/b.ts'],
    ['onnx-stands-alone', 'planner/onnx/a.ts', 'planner/weights/b.ts'],
    ['models-know-onnx-only', 'planner/models/a.ts', 'planner/runtime/b.ts'],
    ['diffusion-knows-errors-only', 'planner/diffusion/a.ts', 'planner/random.ts'],
    ['conditioning-knows-errors-and-files-only', 'planner/conditioning/a.ts', 'planner/models/b.ts'],
    ['weights-know-onnx-only', 'planner/weights/a.ts', 'planner/runtime/b.ts'],
    ['runtime-knows-no-network', 'planner/runtime/a.ts', 'planner/models/b.ts'],
    ['imagining-needs-no-training', 'planner/video-planner.ts', 'planner/training/b.ts'],
  ])('%s: %s -> %s, of types too', async (rule, from, to) => {
    const steps = Array(dirname(from).split('/').length).fill('..').join('/');
    const specifier = `${steps}/${to.replace(/ts$/, 'js')}`;
    const expected = expect.arrayContaining([`${rule}: src/${from} -> src/${to}`]);
    for (const source of [
      `import { b } from '${specifier}';\nexport const a = b;\n`,
      `import type { b } from '${specifier}';\nexport type A = typeof b;\n`,
    ])
      expect(await violations(project({ [from]: source, [to]: 'export const b = 1;\n' }))).toEqual(expected);
  });

  it.each([
    ['only-runtime-knows-onnxruntime', 'planner/imagination/a.ts', 'onnxruntime-node'],
    ['only-conditioning-knows-sharp', 'cli/a.ts', 'sharp'],
    ['only-declared-packages', 'planner/a.ts', 'vitest'],
    ['nothing-is-missing', 'planner/a.ts', './nowhere.js'],
  ])('%s: %s -> %s', async (rule, from, specifier) => {
    const found = await violations(project({ [from]: `export * from '${specifier}';\n` }));
    expect(found).toEqual([expect.stringContaining(`${rule}: src/${from} -> `)]);
  });

  it('no-cycles', async () => {
    const a = "import type { B } from './b.js';\nexport interface A { b: B }\n";
    const b = "import type { A } from './a.js';\nexport interface B { a: A }\n";
    const found = await violations(project({ 'planner/a.ts': a, 'planner/b.ts': b }));
    expect(found).toContain('no-cycles: src/planner/a.ts -> src/planner/b.ts');
  });
});

it('only the command line writes to the console', () => {
  const talking = (readdirSync('src', { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli'))
    .filter((name) => /\bconsole\.|process\.(stdout|stderr)/.test(readFileSync(join('src', name), 'utf8')));
  expect(talking.sort()).toEqual([
    // Its stdout is its answer to the process that started it.
    join('planner', 'runtime', 'probe', 'probe-process.ts'),
    // An executable: it says why it ends.
    join('ros-node', 'main.ts'),
  ]);
});

it('the lock file installs anywhere: every platform is in it and no registry', () => {
  const text = readFileSync('package-lock.json', 'utf8');
  expect(text).not.toContain('"resolved"');
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { dependencies?: object; optionalDependencies?: object }>;
  };
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !names.has(name))
      .map((name) => `${path} -> ${name}`),
  );
  expect(missing).toEqual([]);
});
