// Brings dist/ in line with src/ where tsc does not: copies the files that the compiled code reads when it runs,
// and removes what sources that are gone were compiled to.
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

for (const file of ['planner/onnx/onnx.proto', 'planner/evaluation/page/page.html'])
  copyFileSync(join('src', file), join('dist', file));

for (const name of readdirSync('dist', { recursive: true })) {
  const source = name.replace(/\.(d\.ts|js|js\.map)$/, '.ts');
  if (source !== name && !existsSync(join('src', source))) rmSync(join('dist', name), { force: true });
}
