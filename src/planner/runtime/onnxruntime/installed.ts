/** What of onnxruntime is on this machine, found out without loading it. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ExecutionProvider } from '../engine.js';

const packageFile = (): string => createRequire(import.meta.url).resolve('onnxruntime-node/package.json');

export function onnxRuntimeVersion(): string {
  return (JSON.parse(readFileSync(packageFile(), 'utf8')) as { version: string }).version;
}

/** Why a provider cannot work here, undefined when it is worth a try. Trying one that cannot is loud and slow. */
export function missingPart(provider: ExecutionProvider): string | undefined {
  switch (provider) {
    case 'cpu':
      return undefined;
    case 'cuda':
      return hasLibrary('providers_cuda')
        ? undefined
        : 'its library is not installed; on Linux with an NVIDIA GPU, ' +
            'ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false gets it';
    case 'tensorrt':
      return hasLibrary('providers_tensorrt')
        ? undefined
        : 'its library is not installed; it comes with that of cuda';
    case 'webgpu':
      return process.platform !== 'linux' || canBeLoaded('libvulkan.so.1')
        ? undefined
        : 'libvulkan.so.1 is not installed; it comes with the driver of a GPU or as the package libvulkan1';
  }
}

function hasLibrary(stem: string): boolean {
  try {
    const bin = join(dirname(packageFile()), 'bin');
    return readdirSync(bin).some((napi) =>
      readdirSync(join(bin, napi, process.platform, process.arch)).some((file) => file.includes(stem)),
    );
  } catch {
    return false;
  }
}

/** Whether the system's loader finds a shared library. It is no module of node's, which node says and unloads it. */
function canBeLoaded(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    return (error as Error).message.includes('did not self-register');
  }
}
