// Verifies the cases in a folder on one provider, in a process of its own: a driver is chosen by the environment
// that a process starts with. Prints the checks as JSON.
//   node verify-on.mjs PROVIDER FOLDER
import { writeSync } from 'node:fs';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { verifyCases } from '#planner/verification/verify.js';

const [provider, folder] = process.argv.slice(2);
const engine = new OnnxRuntimeEngine({ provider });
const checks = [];
for await (const check of verifyCases(folder, { engine })) checks.push(check);
await engine.dispose();
writeSync(1, JSON.stringify(checks));
