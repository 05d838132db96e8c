// Gets SwiftShader, a Vulkan driver that computes on the CPU, so that the webgpu provider is tested on machines
// without a GPU. It comes out of a browser's npm package, which the tests have anyway. Does nothing when it is there.
//
//   node scripts/setup-software-vulkan.mjs          gets it where it is missing
//   node scripts/setup-software-vulkan.mjs --find   prints, as JSON, the environment that a process needs to run
//                                                   on it, or null where it is missing; changes nothing
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { project, SetUpError, say } from './set-up.mjs';

const DRIVER = 'libvk_swiftshader.so';
const LOADER = 'libvulkan.so.1';
const MANIFEST = 'vk_swiftshader_icd.json';
const FILES = [DRIVER, LOADER, MANIFEST];

const archive = join(project, 'node_modules', '@sparticuz', 'chromium', 'bin', 'swiftshader.tar.br');
const folder = join(project, 'node_modules', '.cache', 'aid-planner', 'software-vulkan');

/** Whether the driver is made for this machine. */
const isForHere = process.platform === 'linux' && process.arch === 'x64';

/** The environment of a process that runs on the driver, or null where it is missing. */
function findSoftwareVulkan() {
  if (!FILES.every((name) => existsSync(join(folder, name)))) return null;
  return {
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
    VK_ICD_FILENAMES: join(folder, MANIFEST),
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
  };
}

function unpack() {
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const input = brotliDecompressSync(readFileSync(archive));
    const args = ['--no-same-owner', '-xf', '-', ...FILES];
    execFileSync('tar', args, { cwd: scratch, input, stdio: ['pipe', 'ignore', 'pipe'] });
    rmSync(folder, { recursive: true, force: true });
    renameSync(scratch, folder);
  } catch (error) {
    throw new SetUpError(`setting up failed: the software Vulkan driver in ${archive}: ${error.message}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Errors: SetUpError. On other machines than Linux on x64 it says that there is none, and does nothing. */
export function setUpSoftwareVulkan() {
  if (!isForHere)
    return say('skipped: the tests of webgpu; their software Vulkan driver is for Linux on x64 only');
  if (findSoftwareVulkan() !== null) return;
  say('setting up: a Vulkan driver that computes on the CPU, for the tests of webgpu');
  unpack();
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    if (process.argv.includes('--find')) say(JSON.stringify(findSoftwareVulkan()));
    else setUpSoftwareVulkan();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
