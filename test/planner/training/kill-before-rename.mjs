// Kills the process that it is imported into before a file gets a name that ends with KILL_BEFORE_RENAME.
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { rename } = promises;
promises.rename = (from, to) => {
  if (String(to).endsWith(process.env.KILL_BEFORE_RENAME)) process.kill(process.pid, 'SIGKILL');
  return rename(from, to);
};
syncBuiltinESMExports();
