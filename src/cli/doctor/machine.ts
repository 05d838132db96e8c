/** What a machine has, found out without starting anything. */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { vulkanManifests } from '../../planner/runtime/probe/vulkan-manifests.js';
import { packageRoot } from '../package.js';

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly availableMemoryBytes: number;
  /** Vulkan drivers, which `webgpu` needs on Linux. */
  readonly vulkanDrivers: readonly VulkanDriver[];
  /** Folder of a Vulkan driver that computes on the CPU, for tests of the GPU's path; not in use by itself. */
  readonly softwareVulkan: string | null;
  readonly ros2: {
    /** Name of the distribution whose set-up was sourced. */
    readonly distribution: string | null;
    /** Distributions in /opt/ros. */
    readonly installed: readonly string[];
  };
  /** Null where there is no simulator, as in a package from npm. */
  readonly sim: { readonly isSetUp: boolean } | null;
}

export interface VulkanDriver {
  /** The file by which Vulkan's loader finds it. */
  readonly manifest: string;
  /** Computes on the CPU. */
  readonly isSoftware: boolean;
}

/** Where scripts/setup-software-vulkan.mjs puts it. */
const SOFTWARE_VULKAN = join(packageRoot, 'node_modules', '.cache', 'aid-planner', 'software-vulkan');

export function describeMachine(environment: NodeJS.ProcessEnv = process.env): Machine {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    // A container's limit counts too, where node knows it.
    availableMemoryBytes: process.availableMemory?.() ?? freemem(),
    vulkanDrivers: vulkanDrivers(environment),
    softwareVulkan: existsSync(join(SOFTWARE_VULKAN, 'vk_swiftshader_icd.json')) ? SOFTWARE_VULKAN : null,
    ros2: { distribution: environment.ROS_DISTRO ?? null, installed: entries('/opt/ros') },
    sim: describeSim(),
  };
}

function vulkanDrivers(environment: NodeJS.ProcessEnv): VulkanDriver[] {
  return vulkanManifests(environment).map((manifest) => ({
    manifest,
    isSoftware: /swiftshader|^lvp_/.test(basename(manifest)),
  }));
}

function describeSim(): Machine['sim'] {
  const folder = join(packageRoot, 'sim');
  if (!existsSync(join(folder, 'setup.sh'))) return null;
  return { isSetUp: existsSync(join(folder, '.venv', 'bin', 'aid-sim')) };
}

function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
