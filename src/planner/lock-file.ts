/** A file that says which process writes to a place, so that no second one does. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { removeEmptyFolders, removeQuietly } from './clean-up.js';
import { AidError, throwIfAborted } from './errors.js';

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When that process began, in the system's own count; tells it from a later one of the same number. */
  began: z.string().optional(),
  /** ISO 8601. */
  since: z.string(),
  /** Tells two locks that one process takes in one millisecond apart. */
  nonce: z.string().optional(),
});
type Holder = z.infer<typeof holderSchema>;

/** Of two that find a dead process's lock at once, one has to look again. */
const ATTEMPTS = 5;
/** For one that waits. */
const LOOK_EVERY_MS = 250;

export interface Lock {
  /** Calling twice is allowed. */
  release(): Promise<void>;
}

/**
 * Takes the lock, also from a process of this machine that no longer runs; `what` names the place in messages.
 * Errors: `io-failed`, naming the process that holds it.
 */
export async function takeLock(path: string, what: string): Promise<Lock> {
  const taken = await tryToLock(path, what);
  if ('release' in taken) return taken;
  throw new AidError('io-failed', `${inUse(what, taken)}; wait for it or stop it${hintFor(taken)}`);
}

export interface WaitOptions {
  /** Told once, before the wait, which process holds it. */
  readonly onWaiting: (line: string) => void;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Takes the lock as soon as no other process has it. Errors: `io-failed`, `aborted`. */
export async function waitForLock(
  path: string,
  what: string,
  { onWaiting, abortSignal }: WaitOptions,
): Promise<Lock> {
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(abortSignal);
    const taken = await tryToLock(path, what);
    if ('release' in taken) return taken;
    if (attempt === 0) onWaiting(`${inUse(what, taken)}; waiting for it${hintFor(taken)}`);
    // An abort ends the pause with an error of node's; the next round says it in ours.
    await pause(LOOK_EVERY_MS, undefined, { ...(abortSignal && { signal: abortSignal }) }).catch(() => {});
  }
}

/** Who holds which lock. */
interface Held {
  readonly path: string;
  readonly holder: Holder;
}

async function tryToLock(path: string, what: string): Promise<Lock | Held> {
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    began: beganAt(process.pid),
    since: new Date().toISOString(),
    nonce: randomBytes(6).toString('hex'),
  };
  const draft = `${path}.${own.nonce}.part`;
  let made: string | undefined;
  try {
    made = await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, `${JSON.stringify(own)}\n`, { flag: 'wx' });
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await linked(draft, path)) return releasing(path, own, made);
      const text = textOf(path);
      const holder = holderOf(text);
      if (holder !== undefined && !isGone(holder)) return { path, holder };
      if (text === undefined) continue;
      const other = await replaced(draft, path, text, what);
      if (other === 'replaced') return releasing(path, own, made);
      if (other !== 'changed') return other;
    }
    throw new AidError('io-failed', `${what}: ${path} changes all the time; others write there`);
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('io-failed', `${what}: could not be locked: ${(cause as Error).message}`, { cause });
  } finally {
    await removeQuietly(draft);
  }
}

/** A link is made whole or not at all, and never over what is there. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Puts the draft in the place of a dead process's lock, unless somebody else has done so, or does so. Whoever does it
 * holds a lock that is named after the dead one: a lock that is taken away by one who looked before another replaced
 * it would have two holders.
 */
async function replaced(
  draft: string,
  path: string,
  stale: string,
  what: string,
): Promise<'replaced' | 'changed' | Held> {
  const turn = await tryToLock(
    `${path}.${createHash('sha256').update(stale).digest('hex').slice(0, 16)}`,
    what,
  );
  if (!('release' in turn)) return turn;
  try {
    if (textOf(path) !== stale) return 'changed';
    await rename(draft, path);
    return 'replaced';
  } finally {
    await turn.release();
  }
}

/** Folders that were made for the lock go with it when nothing else has come to be in them. */
function releasing(path: string, own: Holder, made: string | undefined): Lock {
  let held = true;
  return {
    release: async () => {
      const text = held ? textOf(path) : undefined;
      held = false;
      if (text !== `${JSON.stringify(own)}\n`) return;
      await rm(path, { force: true });
      if (made !== undefined) await removeEmptyFolders(dirname(path), made);
    },
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Undefined for what no process of this package has written. */
function holderOf(text: string | undefined): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** Of a process on another machine nothing is known. */
function isGone({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else's.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const now = beganAt(pid);
  return began !== undefined && now !== undefined && began !== now;
}

/** Linux only: the boot and the tick at which a process began. */
function beganAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which may hold anything: state is the 3rd field, the start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function inUse(what: string, { holder: { pid, host, since } }: Held): string {
  const where = host === hostname() ? '' : ` on ${host}`;
  return `${what}: in use by process ${pid}${where} since ${since}`;
}

/** Whether a process on another machine runs is not to be seen from here. */
const hintFor = ({ path, holder }: Held): string =>
  holder.host === hostname() ? '' : `; if it no longer runs, delete ${path}`;
