// Brings dist/ in line with src/ where tsc does not: copies the files that the compiled code reads when it runs,
// removes what sources that are gone were compiled to, and makes the `aid` command executable.
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

for (const path of readdirSync('src', { recursive: true }))
  if (/\.(proto|html)$/.test(path)) copyFileSync(join('src', path), join('dist', path));

for (const name of readdirSync('dist', { recursive: true })) {
  const source = name.replace(/\.(d\.ts|js|js\.map)$/, '.ts');
  if (source !== name && !existsSync(join('src', source))) rmSync(join('dist', name), { force: true });
}

// npm does so once, when it links a command: a file that was compiled anew is not executable.
chmodSync(join('dist', 'cli', 'main.js'), 0o755);
