/** Where this package keeps, for each user, what it can find out again. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** A folder in the user's cache, as the XDG Base Directory Specification says: a path that is not absolute counts as none. */
export function userCacheFolder(name: string, environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: cache = '' } = environment;
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'aid-planner', name);
}
