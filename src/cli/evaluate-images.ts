/** Pictures of an evaluation, to see why a clip failed. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../planner/atomic-file.js';
import { encodeFilmstrip } from '../planner/conditioning/animation.js';
import type { Frame } from '../planner/conditioning/frame.js';
import type { EvaluationEvent } from '../planner/evaluation/evaluate.js';
import { verdictOn } from '../planner/evaluation/instruction-following.js';

/**
 * `failed-SEED.png` or `followed-SEED.png`, which sort in that order. First row: first frame, imagined last frame,
 * true last frame, and the other outcome that is nearest; then the imagined clip; then the true one.
 */
export async function writeSceneImage(
  folder: string,
  { scene, result, imagined: [imagined = []] }: Extract<EvaluationEvent, { kind: 'scene' }>,
): Promise<void> {
  const { clip, outcomes, commanded, seed } = scene;
  const pixels = result.clips[0]?.distances.pixels ?? [];
  const { followed } = verdictOn(pixels, commanded);
  const others = [...pixels.keys()].filter((command) => command !== commanded);
  const nearest = others.toSorted((a, b) => (pixels[a] as number) - (pixels[b] as number))[0] as number;
  const ends = [clip[0], imagined.at(-1), outcomes[commanded], outcomes[nearest]] as Frame[];
  const columns = Math.max(ends.length, clip.length);
  const rows = [ends, imagined, clip].flatMap((row) => padded(row, columns));
  const names = ['failed', 'followed'].map((verdict) => join(folder, `${verdict}-${seed}.png`));
  const [name, stale] = (followed ? names.toReversed() : names) as [string, string];
  const picture = await encodeFilmstrip(rows, { columns });
  await writeFileAtomically(name, (file) => file.writeFile(picture));
  // Of an earlier evaluation.
  await rm(stale, { force: true });
}

/** White frames at the end, up to that many. */
function padded(frames: readonly Frame[], count: number): Frame[] {
  const { width, height } = frames[0] as Frame;
  const white = { width, height, data: new Uint8Array(width * height * 3).fill(255) };
  return Array.from({ length: count }, (_, index) => frames[index] ?? white);
}
