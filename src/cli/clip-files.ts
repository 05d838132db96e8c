/** The files of an imagined clip. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeAnimatedWebp, encodeFilmstrip } from '../planner/conditioning/animation.js';
import { encodePng, type Frame } from '../planner/conditioning/frame.js';
import { throwIfAborted } from '../planner/errors.js';
import type { ClipReport } from '../planner/imagination/events.js';

/** Pixels across, about; a longer filmstrip goes on in the next row. */
const FILMSTRIP_WIDTH = 2100;

/** `clip.json`: what was run and where its files are. */
export interface ClipDocument extends ClipReport {
  /** Version of this package. */
  readonly aid: string;
  /** The given frame's file. */
  readonly frame: string;
  /** Paths from the folder of `clip.json`. */
  readonly files: {
    readonly animation: string;
    readonly filmstrip: string;
    readonly frames: readonly string[];
    /** The last frame as it was foreseen at every denoising step. */
    readonly steps?: string;
  };
}

export interface Clip {
  readonly frames: readonly Frame[];
  /** What each denoising step foresaw of the last frame, when that was asked for. */
  readonly previews: readonly Frame[];
  readonly report: ClipReport;
}

/** Writes the clip into a folder that exists and returns what `clip.json` holds. Errors: `aborted`. */
export async function writeClip(
  folder: string,
  { frames, previews, report }: Clip,
  { aid, frame }: Pick<ClipDocument, 'aid' | 'frame'>,
  abortSignal: AbortSignal,
): Promise<ClipDocument> {
  const files = {
    animation: 'clip.webp',
    filmstrip: 'filmstrip.png',
    frames: frames.map((_, index) => `frames/${String(index).padStart(2, '0')}.png`),
    ...(previews.length > 0 ? { steps: 'steps.png' } : {}),
  };
  const { framesPerSecond } = report;
  const put = (name: string, data: Uint8Array | string): Promise<void> => {
    throwIfAborted(abortSignal);
    return writeFile(join(folder, name), data);
  };
  await mkdir(join(folder, 'frames'));
  for (const [index, name] of files.frames.entries())
    await put(name, await encodePng(frames[index] as Frame));
  await put(files.animation, await encodeAnimatedWebp(frames, { framesPerSecond }));
  await put(files.filmstrip, await filmstrip(frames));
  if (files.steps !== undefined) await put(files.steps, await filmstrip(previews));
  const document: ClipDocument = { aid, frame, ...report, files };
  await put('clip.json', `${JSON.stringify(document, null, 2)}\n`);
  return document;
}

function filmstrip(frames: readonly Frame[]): Promise<Uint8Array> {
  const fitting = Math.max(1, Math.floor(FILMSTRIP_WIDTH / (frames[0]?.width ?? 1)));
  const rows = Math.ceil(frames.length / fitting);
  return encodeFilmstrip(frames, { columns: Math.ceil(frames.length / rows) });
}
