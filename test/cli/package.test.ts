import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, run } from './run-aid.js';

const npm = (
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): string =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...environment },
  });

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** The files and folders of this project that a page links to. */
function linksOf(page: string): string[] {
  const links = readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)/g);
  return [...links].map(([, link = '']) => join(dirname(page), link));
}

it('holds what it needs and nothing else, and works where it is installed', async () => {
  const folder = emptyFolder();
  const [packed] = JSON.parse(
    npm(['pack', '--json', '--pack-destination', folder], process.cwd()),
  ) as Packed[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  const allowed = [
    /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    /^(models\/(aid-mini|lpips|training)|msgs)\/.+$/,
    /^dist\/.+\.(js|d\.ts|proto|html)$/,
    /^docs\/([^/]+\.md|decisions\/.+\.md|(images|results)\/.+)$/,
    /^examples\/([^/]+\.(ts|md)|own-robot\/training-configs\.mjs)$/,
    /^(sim|bench|bench\/pytorch)\/README\.md$/,
  ];
  expect(paths.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
  // Links of the README, and of what it links to, lead to what is in the package.
  const isPacked = (path: string): boolean =>
    paths.some((each) => each === path || each.startsWith(`${path}/`));
  const astray = paths
    .filter((path) => /^(README|docs\/[^/]+|examples\/README)\.md$/.test(path))
    .flatMap((page) => linksOf(page).filter((target) => existsSync(target) && !isPacked(target)));
  expect(astray).toEqual([]);
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' });
  const needed = [
    'LICENSE',
    'models/lpips/linear.safetensors',
    'README.md',
    ...sources.filter((path) => path.endsWith('.ts')).map((path) => `dist/${path.replace(/ts$/, 'js')}`),
    ...sources.filter((path) => /\.(proto|html)$/.test(path)).map((path) => `dist/${path}`),
  ];
  expect(needed.filter((path) => !paths.includes(path))).toEqual([]);

  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const quick = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'];
  npm(['install', ...quick, `./${packed?.filename}`], folder);
  // As README.md tells people to install it: no script of onnxruntime-node goes to the network.
  npm(['rebuild', 'onnxruntime-node', '--ignore-scripts=false'], folder, {
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    GLOBAL_AGENT_HTTPS_PROXY: 'http://127.0.0.1:9',
  });
  writeFileSync(
    join(folder, 'try.js'),
    "import { AidError, VideoPlanner } from 'aid-planner';\n" +
      "import * as sdk from 'aid-planner/sdk';\n" +
      "if (sdk.VideoPlanner !== VideoPlanner || typeof sdk.imagineOn !== 'function') throw new Error('sdk');\n" +
      "await VideoPlanner.load('nowhere').catch((error) => console.log(AidError.isInstance(error), error.code));\n",
  );
  expect(await run(process.execPath, ['try.js'], { cwd: folder })).toEqual({
    exitCode: 0,
    stdout: 'true invalid-model-folder\n',
    stderr: '',
  });
  // Without ROS 2, its part says in one error what it needs; the parts above run.
  writeFileSync(
    join(folder, 'try-ros.js'),
    "await import('aid-planner/ros').catch((error) => console.log(error.name, error.code, error.message));\n",
  );
  const noRos = { ROS_DISTRO: '', AMENT_PREFIX_PATH: '' };
  const withoutRos = await run(process.execPath, ['try-ros.js'], { cwd: folder, environment: noRos });
  expect(withoutRos).toMatchObject({ exitCode: 0, stderr: '' });
  expect(withoutRos.stdout).toMatch(/^AidError ros-unavailable aid-planner\/ros: no ROS 2 is sourced .*\n$/);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const aid = join(folder, 'node_modules', '.bin', 'aid');
  expect(await run(aid, ['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  const doctor = await run(aid, ['doctor', '--json']);
  const { engine, machine, problems } = JSON.parse(doctor.stdout);
  expect({ engine, sim: machine.sim }).toEqual({ engine: expect.any(String), sim: null });
  // Until a model is in the repository there is none in the package.
  const hasModel = existsSync(join('models', 'aid-mini', 'model_index.json'));
  expect(problems).toHaveLength(hasModel ? 0 : 1);
  expect(doctor.exitCode).toBe(hasModel ? 0 : 1);
}, 300_000);

it('is nowhere told to be installed with a script that downloads CUDA', () => {
  const pages = ['README.md', 'examples/README.md', ...readdirSync('docs').map((name) => join('docs', name))];
  const commands = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap(
      (page) => readFileSync(page, 'utf8').match(/[^`\n]*npm (?:install|i) [^`\n]*aid-planner/g) ?? [],
    );
  expect(commands.length).toBeGreaterThanOrEqual(2);
  expect(commands.filter((command) => !command.startsWith('ONNXRUNTIME_NODE_INSTALL=skip '))).toEqual([]);
});
