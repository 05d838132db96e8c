// Saves a model of two files and kills itself before the Nth change of the disk: node killed-save.mjs DIST PATH N.
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, path, last] = process.argv.slice(2);
let changes = 0;
for (const name of ['mkdir', 'open', 'rename', 'rm', 'symlink', 'link', 'copyFile']) {
  const change = promises[name];
  promises[name] = (...args) => {
    if (changes++ === Number(last)) process.kill(process.pid, 'SIGKILL');
    return change(...args);
  };
}
syncBuiltinESMExports();
const load = (file) => import(pathToFileURL(`${dist}/planner/${file}.js`).href);
const { saveModel } = await load('training/saved-model');
const { writeJson } = await load('training/recipes/component-files');

await saveModel(path, 'step-2', async (draft) => {
  for (const part of ['vae', 'aid']) await writeJson(join(draft, part, 'config.json'), 2);
});
