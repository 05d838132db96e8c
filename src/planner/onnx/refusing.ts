import { AidError } from '../errors.js';

/**
 * Numbers that no network can be built from end in one AidError that says `where` they came from, whatever the operator
 * that stumbled. Errors: `invalid-config`.
 */
export function refusing<T>(where: string, build: () => T): T {
  try {
    return build();
  } catch (cause) {
    const isOurs = AidError.isInstance(cause);
    if (isOurs && cause.code !== 'invalid-graph' && cause.code !== 'invalid-config') throw cause;
    const { message } = cause as Error;
    throw new AidError(
      'invalid-config',
      `${where}: ${isOurs ? '' : 'no network can be built from this config: '}${message}`,
      { cause },
    );
  }
}
