// Writes one checkpoint after the other until it is killed: node checkpoint-writer.mjs DIST PATH FIRST_STEP.
// Every number of a checkpoint is its step.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [dist, path, first] = process.argv.slice(2);
const { writeCheckpoint } = await import(pathToFileURL(`${dist}/planner/training/checkpoint.js`).href);
const { trainedTensor } = await import(pathToFileURL(`${dist}/planner/training/adamw.js`).href);

for (let step = Number(first); ; step++) {
  const tensors = new Map();
  for (const key of ['a', 'b', 'c']) {
    const tensor = trainedTensor([1000, 50], new Float32Array(50_000).fill(step));
    for (const part of [tensor.average, tensor.m, tensor.v]) part.fill(step);
    tensors.set(key, tensor);
  }
  await writeCheckpoint(
    path,
    { step, tensors, measures: { count: 0, means: {} }, sources: {} },
    'fingerprint',
  );
  writeSync(1, `${step}\n`);
}
