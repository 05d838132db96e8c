/** The files by which Vulkan's loader finds its drivers on Linux. */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const FOLDERS = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

/** Drivers that the environment names replace all others. */
export function vulkanManifests(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = (environment.VK_DRIVER_FILES ?? environment.VK_ICD_FILENAMES ?? '').split(delimiter);
  if (named.some((file) => file !== '')) return named.filter((file) => existsSync(file));
  return FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .sort()
      .map((file) => join(folder, file)),
  );
}
