/** The numbers of aid_msgs/msg/ErrorCode, and which errors they stand for. */
import { messageOf } from '../planner/errors.js';
import { AidError, type AidErrorCode } from '../sdk/index.js';

export const ERROR_CODE = {
  NONE: 0,
  INVALID_REQUEST: 100,
  INVALID_INSTRUCTION: 101,
  INVALID_IMAGE: 102,
  NO_IMAGE: 200,
  STALE_IMAGE: 201,
  PREEMPTED: 300,
  DROPPED: 301,
  CANCELED: 302,
  DEADLINE_EXCEEDED: 303,
  RESET: 304,
  DISABLED: 305,
  NOT_ACTIVE: 306,
  ENGINE_UNAVAILABLE: 400,
  ENGINE_FAILED: 401,
  MODEL_INVALID: 402,
  STATE_PROMPTER_FAILED: 403,
  INTERNAL: 499,
} as const;

export type ErrorName = keyof typeof ERROR_CODE;

const BY_CODE: Readonly<Record<AidErrorCode, ErrorName>> = {
  'invalid-argument': 'INVALID_REQUEST',
  'invalid-image': 'INVALID_IMAGE',
  'invalid-config': 'MODEL_INVALID',
  'invalid-graph': 'MODEL_INVALID',
  'invalid-weights': 'MODEL_INVALID',
  'invalid-model-folder': 'MODEL_INVALID',
  'invalid-data': 'INVALID_REQUEST',
  'engine-unavailable': 'ENGINE_UNAVAILABLE',
  'engine-failed': 'ENGINE_FAILED',
  'engine-overloaded': 'ENGINE_UNAVAILABLE',
  'engine-timeout': 'ENGINE_FAILED',
  'io-failed': 'INTERNAL',
  'ros-unavailable': 'INTERNAL',
  aborted: 'CANCELED',
  'deadline-exceeded': 'DEADLINE_EXCEEDED',
  'state-prompter-failed': 'STATE_PROMPTER_FAILED',
};

/** A command that is not carried out, and why. */
export class CommandError extends Error {
  readonly error: ErrorName;

  constructor(error: ErrorName, message: string) {
    super(message);
    this.name = 'CommandError';
    this.error = error;
  }

  /** Whatever was thrown, as the error that people are told. */
  static from(thrown: unknown): CommandError {
    if (thrown instanceof CommandError) return thrown;
    if (AidError.isInstance(thrown))
      return new CommandError(BY_CODE[thrown.code] ?? 'INTERNAL', thrown.message);
    return new CommandError('INTERNAL', messageOf(thrown));
  }
}
