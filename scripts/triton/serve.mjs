// Serves an exported model repository with the real tritonserver that setup.sh installs:
//
//   node scripts/triton/serve.mjs REPOSITORY [--threads N] [--port N]
//
// Prints one line of JSON, { url, pid }, once it answers, and stops with this process. The wheel's server lacks the
// onnxruntime backend, so that a copy of the repository runs through model.py instead.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const venv = join(here, '..', '..', '.triton', 'venv');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string', default: '1' }, port: { type: 'string' } },
});

/** The same models, run by model.py. */
function throughPython(repository, copy) {
  for (const name of readdirSync(repository)) {
    const [from, to] = [join(repository, name), join(copy, name)];
    mkdirSync(join(to, '1'), { recursive: true });
    for (const file of readdirSync(join(from, '1'))) {
      const source = realpathSync(join(from, '1', file));
      try {
        linkSync(source, join(to, '1', file));
      } catch {
        cpSync(source, join(to, '1', file));
      }
    }
    cpSync(join(here, 'model.py'), join(to, '1', 'model.py'));
    const config = readFileSync(join(from, 'config.pbtxt'), 'utf8')
      .replace('backend: "onnxruntime"', 'backend: "python"')
      .replace('kind: KIND_AUTO', 'kind: KIND_CPU');
    writeFileSync(
      join(to, 'config.pbtxt'),
      `${config}parameters { key: "threads" value { string_value: "${values.threads}" } }\n`,
    );
  }
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const library = join(
  venv,
  'lib',
  readdirSync(join(venv, 'lib')).find((name) => name.startsWith('python3')),
  'site-packages',
);
// Of the Python that the backend is linked with.
const libraryFolder = execFileSync(
  join(venv, 'bin', 'python'),
  ['-c', 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))'],
  { encoding: 'utf8' },
).trim();
const root = join(library, 'pytriton', 'tritonserver');
const copy = mkdtempSync(join(tmpdir(), 'aid-triton-'));
throughPython(positionals[0], copy);
const port = values.port ?? (await freePort());
const server = spawn(
  join(root, 'bin', 'tritonserver'),
  [
    `--model-repository=${copy}`,
    `--backend-directory=${join(root, 'backends')}`,
    `--grpc-port=${port}`,
    '--grpc-address=127.0.0.1',
    '--allow-http=false',
    '--allow-metrics=false',
    '--log-verbose=0',
  ],
  {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${join(venv, 'bin')}:${process.env.PATH}`,
      PYTHONPATH: library,
      LD_LIBRARY_PATH: libraryFolder,
    },
  },
);
let log = '';
for (const stream of [server.stdout, server.stderr])
  stream.on('data', (text) => {
    log = (log + text).slice(-100_000);
    if (log.includes('Started GRPCInferenceService')) {
      process.stdout.write(`${JSON.stringify({ url: `grpc://127.0.0.1:${port}`, pid: server.pid })}\n`);
      log = '';
    }
  });
server.on('exit', (code, signal) => {
  // It ends as it is told to, by the signal that it is told with; of anything else its last words say more.
  const isTold = code === 0 || signal === 'SIGKILL';
  if (!isTold) process.stderr.write(log);
  rmSync(copy, { recursive: true, force: true });
  process.exit(isTold ? 0 : (code ?? 1));
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill('SIGKILL'));
process.on('exit', () => server.kill('SIGKILL'));
