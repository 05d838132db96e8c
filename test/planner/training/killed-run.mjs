// Runs a config file and kills itself: node killed-run.mjs DIST CONFIG EVENT STEP. EVENT is 'step' or 'checkpoint'.
import { pathToFileURL } from 'node:url';

const [dist, file, kind, step] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${dist}/planner/${path}.js`).href);
const { run } = await load('training/run');
const { readRunConfig } = await load('training/run-config');
const { OnnxRuntimeEngine } = await load('runtime/onnxruntime/onnxruntime-engine');

const engine = new OnnxRuntimeEngine({ threads: 1 });
for await (const event of run(readRunConfig(file), { engine }))
  if (event.kind === kind && event.step === Number(step)) process.kill(process.pid, 'SIGKILL');
await engine.dispose();
