/** The SDK's queue, with the errors that the node tells of. */
import { NewestWins, type QueuedWork } from '../sdk/index.js';
import { CommandError } from './error-codes.js';

export interface Command extends QueuedWork<CommandError> {
  begin(abortSignal: AbortSignal): Promise<void>;
}

export class CommandQueue extends NewestWins<CommandError> {
  /** `onFailure` hears of a command that breaks its word and throws; the queue goes on. */
  constructor(onFailure?: (error: unknown) => void) {
    super({
      superseded: (was) =>
        was === 'waiting'
          ? new CommandError('DROPPED', 'a newer command took its place before it began')
          : new CommandError('PREEMPTED', 'a newer command took its place'),
      ...(onFailure === undefined ? {} : { onFailure }),
    });
  }
}
