/** The messages that ROS was built with, beside those of this package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OURS = fileURLToPath(new URL('../../msgs', import.meta.url));

/**
 * Files of aid_msgs, such as `msg/Clip.msg`, that are others in the first workspace of `amentPrefixPath` that has the
 * package: built from another version, it would read what this one writes as something else.
 */
export function outdatedMessages(amentPrefixPath: string): string[] {
  const built = amentPrefixPath
    .split(delimiter)
    .map((prefix) => join(prefix, 'share', 'aid_msgs'))
    .find((folder) => existsSync(join(folder, 'msg')));
  if (built === undefined) return [];
  const files = ['msg', 'srv', 'action'].flatMap((kind) =>
    readdirSync(join(OURS, kind)).map((name) => join(kind, name)),
  );
  return files.filter((file) => fieldsOf(join(built, file)) !== fieldsOf(join(OURS, file)));
}

/** Without comments and blank lines. */
function fieldsOf(path: string): string {
  if (!existsSync(path)) return '';
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .join('\n');
}
