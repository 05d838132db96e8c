/** Clips for a live stream of commands, each on what the camera sees when its turn comes. */
import {
  catchError,
  concat,
  map,
  mergeMap,
  Observable,
  type ObservableInput,
  of,
  ReplaySubject,
  take,
  throwError,
} from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError } from '../planner/errors.js';
import type { ImagineEvent } from '../planner/imagination/events.js';
import type { ImagineRequest } from '../planner/imagination/request.js';
import { type DropReason, type FlatteningPolicy, flatten } from './flatten.js';
import type { Pace } from './from-events.js';
import { imagine } from './imagine.js';
import type { Planner } from './planner.js';

/** An instruction alone, or with settings of its own; these count more than the stream's. */
export type Command = string | (CommandSettings & { readonly instruction: string });

/** Everything of a request but what is imagined, and on what. */
export type CommandSettings = Omit<ImagineRequest, 'frames' | 'instruction' | 'abortSignal'>;

export type LiveOptions = FlatteningPolicy & {
  readonly command$: Observable<Command>;
  /** The camera. Only the newest frames are kept, so that it may be as fast as it likes. */
  readonly frame$: Observable<Frame>;
  /** Newest frames given to a clip, 1 unless said otherwise; a command waits until there are as many. */
  readonly numGivenFrames?: number;
  /** For every command. */
  readonly settings?: CommandSettings;
  /** A command that fails ends the stream unless it is to be reported as an event. */
  readonly onFailure?: 'error' | 'report';
  readonly pace?: Pace<LiveEvent>;
};

/** Counts commands from 0, in the order they came. */
export interface OfCommand {
  readonly commandId: number;
  readonly instruction: string;
}

/** The command has its frames and its clip begins. */
export interface StartEvent extends OfCommand {
  readonly kind: 'start';
  readonly frames: readonly Frame[];
}

/** The command was not imagined to its end. */
export interface DroppedEvent extends OfCommand {
  readonly kind: 'dropped';
  readonly reason: DropReason;
}

export interface FailedEvent extends OfCommand {
  readonly kind: 'failed';
  readonly error: AidError;
}

export type LiveEvent = StartEvent | (ImagineEvent & OfCommand) | DroppedEvent | FailedEvent;

/**
 * Imagines every command of `command$` on the newest frames of `frame$`. What happens to a command that comes while
 * another is being imagined is the caller's to name, and whatever is not imagined is told in a `dropped` event.
 * Completes when the commands have and the last clip has ended; the camera's end only ends it when a command still
 * waits for its first frame. Errors: those of `imagine`; of `command$` and `frame$`; `invalid-argument`.
 *
 *     imagineOn(planner, { command$, frame$, policy: 'switch' })
 */
export function imagineOn(planner: Planner, options: LiveOptions): Observable<LiveEvent> {
  const { command$, frame$, numGivenFrames = 1, settings = {}, onFailure = 'error', pace } = options;
  if (!Number.isInteger(numGivenFrames) || numGivenFrames < 1)
    throw new AidError(
      'invalid-argument',
      `numGivenFrames: expected a whole number of at least 1, got ${numGivenFrames}`,
    );
  return new Observable((subscriber) => {
    const newest = newestFrames(numGivenFrames);
    subscriber.add(() => newest.close());
    const events = command$.pipe(
      map((command, commandId) => numbered(command, commandId)),
      flatten(
        options,
        (command) => imagineCommand(command),
        ({ ofCommand }, reason): LiveEvent => ({ ...ofCommand, kind: 'dropped', reason }),
      ),
    );
    function imagineCommand({ ofCommand, settings: own }: Numbered): Observable<LiveEvent> {
      const clip = newest.frames.pipe(
        take(1),
        mergeMap((frames) => {
          const request = { ...settings, ...own, frames, instruction: ofCommand.instruction };
          const paced =
            pace === undefined ? {} : { pace: (event: ImagineEvent) => pace({ ...event, ...ofCommand }) };
          return concat(
            of<LiveEvent>({ ...ofCommand, kind: 'start', frames }),
            imagine(planner, request, paced).pipe(map((event): LiveEvent => ({ ...event, ...ofCommand }))),
          );
        }),
      );
      return onFailure === 'error' ? clip : clip.pipe(catchError((error) => reported(ofCommand, error)));
    }
    subscriber.add(
      frame$.subscribe({
        next: newest.add,
        error: (error) => subscriber.error(error),
        complete: newest.end,
      }),
    );
    subscriber.add(events.subscribe(subscriber));
  });
}

interface Numbered {
  readonly ofCommand: OfCommand;
  readonly settings: CommandSettings;
}

function numbered(command: Command, commandId: number): Numbered {
  const { instruction, ...settings } = typeof command === 'string' ? { instruction: command } : command;
  return { ofCommand: { commandId, instruction }, settings };
}

function reported(ofCommand: OfCommand, error: unknown): ObservableInput<LiveEvent> {
  // Anything else is a mistake in a program, not a command that failed.
  return AidError.isInstance(error) ? of({ ...ofCommand, kind: 'failed', error }) : throwError(() => error);
}

/** The last `count` frames, told to whoever asks as soon as there are as many. */
function newestFrames(count: number): {
  readonly frames: Observable<readonly Frame[]>;
  readonly add: (frame: Frame) => void;
  readonly end: () => void;
  readonly close: () => void;
} {
  let last: readonly Frame[] = [];
  const enough = new ReplaySubject<readonly Frame[]>(1);
  return {
    frames: enough,
    add: (frame) => {
      last = [...last, frame].slice(-count);
      if (last.length === count) enough.next(last);
    },
    end: () => {
      if (last.length < count)
        enough.error(
          new AidError('invalid-argument', `frame$: ended after ${last.length} frames, ${count} are needed`),
        );
    },
    close: () => enough.complete(),
  };
}
