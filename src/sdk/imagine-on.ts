/** Clips for a live stream of commands, each on what the camera sees when its turn comes. */
import {
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  fromEvent,
  isObservable,
  map,
  mergeMap,
  Observable,
  of,
  take,
  takeUntil,
} from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError, kindOf } from '../planner/errors.js';
import type { ImagineEvent } from '../planner/imagination/events.js';
import { checkIsRequest, type ImagineRequest } from '../planner/imagination/request.js';
import { type DropReason, type FlatteningPolicy, flatten } from './flatten.js';
import { type Pace, paced } from './from-events.js';
import { imagine } from './imagine.js';
import { NewestFrames } from './newest-frames.js';
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
  /** Backpressure: see `imagine`. Not asked about dropped commands: these do not wait. */
  readonly pace?: Pace<LivePaced>;
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

/** What `pace` is asked about. */
export type LivePaced = StartEvent | (ImagineEvent & OfCommand) | FailedEvent;
export type LiveEvent = LivePaced | DroppedEvent;

/**
 * Imagines every command of `command$` on the newest frames of `frame$`. What happens to a command that comes while
 * another is being imagined is the caller's to name, and whatever is not imagined is told in a `dropped` event.
 * Commands that begin on the same frames share one observation of them. Completes when the commands have and the last
 * clip has ended; the camera's end only ends it when a command still waits for its first frame. Errors: those of
 * `imagine`; of `command$` and `frame$`; `invalid-argument`.
 *
 *     imagineOn(planner, { command$, frame$, policy: 'switch' })
 */
export function imagineOn(planner: Planner, options: LiveOptions): Observable<LiveEvent> {
  return new Observable((subscriber) => {
    checkIsRequest(options);
    const { command$, frame$, numGivenFrames = 1, settings = {}, onFailure = 'error', pace } = options;
    for (const [name, stream] of Object.entries({ command$, frame$ }))
      if (!isObservable(stream))
        throw new AidError('invalid-argument', `${name}: expected an Observable, got ${kindOf(stream)}`);
    if (!Number.isInteger(numGivenFrames) || numGivenFrames < 1)
      throw new AidError(
        'invalid-argument',
        `numGivenFrames: expected a whole number of at least 1, got ${numGivenFrames}`,
      );
    const camera = new NewestFrames(planner, numGivenFrames);
    subscriber.add(() => camera.close());

    const imagineCommand = ({ ofCommand, settings: own }: Numbered, abortSignal: AbortSignal) => {
      const clip = (frames: readonly Frame[]): Observable<LiveEvent> =>
        defer(() => {
          if (abortSignal.aborted) return EMPTY;
          const look = camera.look(frames);
          abortSignal.addEventListener('abort', look.leave, { once: true });
          const { instruction } = ofCommand;
          const request = { ...settings, ...own, frames: look.observation, instruction, abortSignal };
          const options =
            pace === undefined ? {} : { pace: (event: ImagineEvent) => pace({ ...event, ...ofCommand }) };
          return imagine(planner, request, options).pipe(
            map((event): LiveEvent => ({ ...event, ...ofCommand })),
            finalize(look.leave),
          );
        });
      const aborted = fromEvent(abortSignal, 'abort');
      const told = (event: LivePaced): Observable<LiveEvent> =>
        paced(of(event), pace).pipe(takeUntil(aborted));
      const events = camera.frames.pipe(
        take(1),
        takeUntil(aborted),
        mergeMap((frames) => concat(told({ ...ofCommand, kind: 'start', frames }), clip(frames))),
      );
      if (onFailure === 'error') return events;
      return events.pipe(
        catchError((error: unknown) => {
          // Its place is taken; that is told already.
          if (abortSignal.aborted) return EMPTY;
          // Anything else is a mistake in a program, not a command that failed.
          if (!AidError.isInstance(error)) throw error;
          return told({ ...ofCommand, kind: 'failed', error });
        }),
      );
    };
    const events = command$.pipe(
      map((command, commandId) => numbered(command, commandId)),
      flatten(
        options,
        imagineCommand,
        ({ ofCommand }, reason): LiveEvent => ({ ...ofCommand, kind: 'dropped', reason }),
      ),
    );
    subscriber.add(
      frame$.subscribe({
        next: (frame) => camera.add(frame),
        error: (error) => subscriber.error(error),
        complete: () => camera.end(),
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
