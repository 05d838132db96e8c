/** What the speed of providers depends on, read from the disk in a few milliseconds. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { ExecutionProvider } from '../engine.js';
import { onnxRuntimeVersion } from '../onnxruntime/installed.js';
import { vulkanManifests } from './vulkan-manifests.js';

export interface ProbeKey {
  readonly package: string;
  readonly onnxruntime: string;
  readonly system: string;
  readonly cpu: string;
  readonly threads: number;
  /** Those that are installed. */
  readonly providers: readonly ExecutionProvider[];
  /** Each file of a driver, with its size and the time of its last change. */
  readonly drivers: readonly string[];
  readonly gpus: readonly string[];
  /** Variables that choose among drivers and GPUs. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where it is the same, providers need not be measured again. */
export function probeKey(
  threads: number,
  providers: readonly ExecutionProvider[],
  environment: NodeJS.ProcessEnv = process.env,
): ProbeKey {
  const { version } = createRequire(import.meta.url)('aid-planner/package.json') as { version: string };
  const chosen = Object.entries(environment).filter(([name]) =>
    /^(VK_|MESA_|DRI_PRIME$|CUDA_VISIBLE_DEVICES$)/.test(name),
  );
  return {
    package: version,
    onnxruntime: onnxRuntimeVersion(),
    system: `${process.platform} ${process.arch} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    threads,
    providers,
    drivers: process.platform === 'linux' ? driverFiles(environment) : [],
    gpus: process.platform === 'linux' ? gpus() : [],
    environment: Object.fromEntries(chosen.sort()),
  };
}

/** Vulkan's loader, the manifests of its drivers, and the libraries that these name. */
function driverFiles(environment: NodeJS.ProcessEnv): string[] {
  const manifests = vulkanManifests(environment);
  const libraries = manifests.map((manifest) => {
    const library = libraryOf(manifest);
    return library.includes('/') ? resolve(dirname(manifest), library) : findLibrary(library, environment);
  });
  return [findLibrary('libvulkan.so.1', environment), ...manifests, ...libraries].map(stateOf);
}

/** What a manifest names: a path beside it, or a name that the system's loader finds. */
function libraryOf(manifest: string): string {
  try {
    const { ICD } = JSON.parse(readFileSync(manifest, 'utf8')) as { ICD?: { library_path?: unknown } };
    return String(ICD?.library_path ?? '');
  } catch {
    return '';
  }
}

/** As the system's loader looks for it, in the places where distributions have their drivers. */
function findLibrary(name: string, { LD_LIBRARY_PATH = '' }: NodeJS.ProcessEnv): string {
  const triple = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const usual = ['/usr/local/lib', `/usr/lib/${triple}`, '/usr/lib64', '/usr/lib'];
  const folders = [...LD_LIBRARY_PATH.split(delimiter).filter((folder) => folder !== ''), ...usual];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}

function stateOf(path: string): string {
  const state = statSync(path, { throwIfNoEntry: false });
  return state === undefined ? path : `${path} ${state.size} ${state.mtimeMs}`;
}

/** Devices that a process here may open, what they are, and NVIDIA's driver, which lies in the kernel. */
function gpus(): string[] {
  const devices = [
    ...entries('/dev/dri'),
    ...entries('/dev').filter((name) => /^(nvidia\d+|dxg)$/.test(name)),
  ];
  const cards = entries('/sys/class/drm').filter((name) => /^card\d+$/.test(name));
  const kinds = cards.map((card) =>
    ['vendor', 'device'].map((file) => contents(join('/sys/class/drm', card, 'device', file))).join(':'),
  );
  return [...devices, ...kinds, contents('/proc/driver/nvidia/version')].filter((text) => text !== '');
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function contents(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
