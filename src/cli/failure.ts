/** What people read when something goes wrong: one line, and the details when they ask for them. */
import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { AidError } from '../planner/errors.js';

/** As a shell has it: 128 and the number of SIGINT. */
const INTERRUPTED = 130;
const LONGEST = 1200;

export interface Failure {
  /** Undefined when it was said already. */
  readonly line: string | undefined;
  readonly exitCode: number;
}

/** The line to show for whatever was thrown. With AID_DEBUG set it is followed by everything that is known. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return { line: undefined, exitCode: error.exitCode };
  if (isAborted(error)) return { line: 'aid: interrupted', exitCode: INTERRUPTED };
  const details = process.env.AID_DEBUG ? `\n${inspect(error, { maxArrayLength: null })}` : '';
  return { line: `aid: ${messageOf(error)}${details}`, exitCode: 1 };
}

export function isAborted(error: unknown): boolean {
  return AidError.isInstance(error) && error.code === 'aborted';
}

function messageOf(error: unknown): string {
  if (AidError.isInstance(error)) return oneLine(error.message);
  // The operating system's own errors say what they were about.
  if (error instanceof Error && 'syscall' in error) return oneLine(error.message);
  const what = oneLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  return `an error that aid did not foresee, please report it with what AID_DEBUG=1 shows: ${what}`;
}

function oneLine(text: string): string {
  const line = text.trim().replace(/\s*\n\s*/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)} ...` : line;
}
