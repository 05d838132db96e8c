/** What went wrong, as a word that a program can branch on. */
export type AidErrorCode =
  | 'invalid-argument'
  | 'invalid-config'
  | 'invalid-image'
  | 'invalid-graph'
  | 'invalid-weights'
  | 'invalid-model-folder'
  | 'invalid-data'
  | 'engine-unavailable'
  | 'engine-failed'
  | 'engine-overloaded'
  | 'engine-timeout'
  | 'io-failed'
  | 'ros-unavailable'
  | 'aborted'
  | 'deadline-exceeded'
  | 'state-prompter-failed';

const marker = Symbol.for('aid-planner.error');

/**
 * Every error that this package throws on purpose. The message says where, what was expected and what came;
 * `cause` is the error underneath, where there is one.
 */
export class AidError extends Error {
  readonly code: AidErrorCode;
  /** Every single problem, where the message may be too short to name all. */
  readonly details?: readonly string[];
  readonly [marker] = true;

  constructor(
    code: AidErrorCode,
    message: string,
    { details, ...options }: { cause?: unknown; details?: readonly string[] } = {},
  ) {
    super(message, options);
    this.name = 'AidError';
    this.code = code;
    if (details !== undefined) this.details = details;
  }

  /** True for an AidError of this or another copy of the package. */
  static isInstance(error: unknown): error is AidError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}

/** `where`: what stops. Errors: `aborted`. */
export function throwIfAborted(abortSignal: AbortSignal | undefined, where = ''): void {
  if (abortSignal?.aborted === true) throw abortedError(abortSignal, where);
}

/** What work ends with that a signal stopped. */
export function abortedError({ reason }: AbortSignal, where = ''): AidError {
  return new AidError('aborted', where === '' ? 'aborted' : `${where}: aborted`, { cause: reason });
}

/** What was thrown says, whatever it is. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What a value is, for the messages of errors. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
