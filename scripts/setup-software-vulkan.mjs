// Gets SwiftShader, a Vulkan driver that computes on the CPU, so that the webgpu provider is tested on machines
// without a GPU. Without root it comes out of an npm package that carries it; else from Debian's chromium.
//
//   node scripts/setup-software-vulkan.mjs          gets it where it is missing
//   node scripts/setup-software-vulkan.mjs --find   prints, as JSON, the environment that a process needs to run
//                                                   on it, or null where it is missing; changes nothing
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const DRIVER = 'libvk_swiftshader.so';
const LOADER = 'libvulkan.so.1';
const MANIFEST = 'vk_swiftshader_icd.json';

/** An npm package that has the driver in its tarball, beside a browser that is thrown away. */
const PACKAGE = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  integrity:
    'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
  archive: 'package/bin/swiftshader.tar.br',
};

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const own = join(project, 'node_modules', '.cache', 'aid-planner', 'software-vulkan');
const folders = [own, '/usr/lib/chromium'];

const say = (line) => process.stdout.write(`${line}\n`);

function find() {
  const folder = folders.find((each) =>
    [DRIVER, LOADER, MANIFEST].every((file) => existsSync(join(each, file))),
  );
  if (folder === undefined) return null;
  return {
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
    VK_ICD_FILENAMES: join(folder, MANIFEST),
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
  };
}

/** Unpacks the driver into node_modules/.cache. */
function fromNpm() {
  mkdirSync(dirname(own), { recursive: true });
  const scratch = mkdtempSync(`${own}-`);
  try {
    const { name, version, integrity, archive } = PACKAGE;
    const options = { cwd: scratch, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' };
    const tarball = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], options)
      .trim()
      .split('\n')
      .at(-1);
    const hash = createHash('sha512')
      .update(readFileSync(join(scratch, tarball)))
      .digest('base64');
    if (`sha512-${hash}` !== integrity) throw new Error(`${name}@${version} is not the package it should be`);
    execFileSync('tar', ['-xzf', tarball, archive], { cwd: scratch });
    const files = join(scratch, 'files');
    mkdirSync(files);
    writeFileSync(join(scratch, 'files.tar'), brotliDecompressSync(readFileSync(join(scratch, archive))));
    execFileSync('tar', ['-xf', join(scratch, 'files.tar'), DRIVER, LOADER, MANIFEST], { cwd: files });
    rmSync(own, { recursive: true, force: true });
    renameSync(files, own);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fromDebian() {
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], options);
}

function main() {
  if (process.argv.includes('--find')) return say(JSON.stringify(find()));
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return say('software Vulkan: only for Linux on x64; the webgpu tests are left out here');
  }
  for (const [origin, get] of [
    [`npm package ${PACKAGE.name}`, fromNpm],
    ["Debian's chromium", fromDebian],
  ]) {
    if (find() !== null) break;
    try {
      say(`software Vulkan: getting SwiftShader from ${origin}`);
      get();
    } catch (error) {
      say(`software Vulkan: not from ${origin}: ${error.message.split('\n')[0]}`);
    }
  }
  const found = find();
  if (found !== null) return say(`software Vulkan: ${dirname(found.VK_ICD_FILENAMES)}`);
  say('software Vulkan: none; the webgpu tests are left out here');
  process.exitCode = 1;
}

main();
