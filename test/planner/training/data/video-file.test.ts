import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { AidError } from '#planner/errors.js';
import { readPictures, readTimeline } from '#planner/training/data/videos/video-file.js';
import { centreAt, square } from '../../../support/moving-square.js';
import { describeWithSamples, samples } from '../../../support/samples.js';
import { temporaryFolder } from '../tiny-runs.js';

const PICTURES = 60;
const ALL = Array.from({ length: PICTURES }, (_, index) => index);
const whole = (name: string): string => samples('videos', 'whole', name);

/** Numbers of the pictures that a file has, as their times tell. */
async function picturesIn(path: string): Promise<{ number: number; centre: number }[]> {
  const timeline = await readTimeline(path);
  const frames = await readPictures(path, timeline, [...timeline.times]);
  const [first = 0n] = timeline.times;
  return frames.map((frame, index) => {
    const time = timeline.times[index] as bigint;
    return {
      number: Math.round(Number(time - first) * timeline.secondsPerUnit * 10),
      centre: square(frame).x,
    };
  });
}

/** Where the square is says which pictures they are: it goes 0.9 pixels from one to the next. */
function expectPictures(pictures: readonly { centre: number }[], numbers: readonly number[]): void {
  expect(pictures).toHaveLength(numbers.length);
  const off = pictures.map(({ centre }, i) => centre - centreAt((numbers[i] as number) / (PICTURES - 1)));
  for (const each of off) expect(Math.abs(each)).toBeLessThan(2);
  expect(Math.abs(off.reduce((a, b) => a + b, 0) / off.length)).toBeLessThan(0.3);
}

/** What it takes to be used: its times, and all of its pictures. */
async function refusal(path: string): Promise<AidError> {
  return picturesIn(path).then(
    (pictures) => expect.unreachable(`${path} was read: ${pictures.length} pictures`),
    (error: AidError) => error,
  );
}

describeWithSamples('a video', () => {
  it.each([
    ['index-last.mp4', ALL],
    ['index-first.mp4', ALL],
    ['h264.mkv', ALL],
    ['vp9.webm', ALL],
    ['b-frames.avi', ALL],
    ['left-out.webm', ALL.filter((index) => ![7, 8, 31, 32, 33].includes(index))],
  ])('has each picture at its time: %s', async (name, numbers) => {
    const pictures = await picturesIn(whole(name));
    expect(pictures.map(({ number }) => number)).toEqual(numbers);
    expectPictures(pictures, numbers);
  });

  it.each(['index-last.mp4', 'h264.mkv', 'vp9.webm', 'b-frames.avi', 'trimmed.mp4'])(
    'gives a picture alone as among the others: %s',
    async (name) => {
      const timeline = await readTimeline(whole(name));
      const all = await readPictures(whole(name), timeline, [...timeline.times]);
      for (let index = 0; index < all.length; index += 7) {
        const [alone] = await readPictures(whole(name), timeline, [timeline.times[index] as bigint]);
        expect(alone, `picture ${index}`).toEqual(all[index]);
      }
    },
  );

  it('that an edit list trims has only the pictures that players show', async () => {
    expectPictures(await picturesIn(whole('trimmed.mp4')), ALL.slice(15));
  });

  describe('that was taken by a camera that lay otherwise', () => {
    /** A copy of it whose header says how to show it. */
    function shownBy([a, b, c, d]: readonly number[]): string {
      const path = join(temporaryFolder(), 'shown.mp4');
      const bytes = readFileSync(whole('index-last.mp4'));
      // The matrix in the header of its track, in numbers of 16.16 bits.
      const matrix = bytes.indexOf('tkhd') + 4 + 40;
      for (const [place, value] of [a, b, 0, c, d].entries())
        bytes.writeInt32BE(Math.round((value as number) * 65_536), matrix + 4 * place);
      writeFileSync(path, bytes);
      return path;
    }
    const first = async (path: string) => {
      const timeline = await readTimeline(path);
      const [frame] = await readPictures(path, timeline, [timeline.times[0] as bigint]);
      return frame as Frame;
    };

    it.each<[string, number[], (picture: Sharp) => Sharp]>([
      ['turned to the right', [0, 1, -1, 0], (picture) => picture.rotate(90)],
      ['upside down', [-1, 0, 0, -1], (picture) => picture.rotate(180)],
      ['turned to the left', [0, -1, 1, 0], (picture) => picture.rotate(270)],
      ['mirrored from left to right', [-1, 0, 0, 1], (picture) => picture.flop()],
      ['mirrored from top to bottom', [1, 0, 0, -1], (picture) => picture.flip()],
    ])('is read as it is shown: %s', async (_, matrix, turn) => {
      const { width, height, data } = await first(whole('index-last.mp4'));
      const raw = turn(sharp(data, { raw: { width, height, channels: 3 } })).raw();
      const expected = await raw.toBuffer({ resolveWithObject: true });
      const frame = await first(shownBy(matrix));
      expect([frame.width, frame.height]).toEqual([expected.info.width, expected.info.height]);
      expect(Buffer.compare(frame.data, expected.data)).toBe(0);
    });

    it('is refused by name where it is to be shown askew', async () => {
      const path = shownBy([Math.SQRT1_2, Math.SQRT1_2, -Math.SQRT1_2, Math.SQRT1_2]);
      await expect(first(path)).rejects.toThrow(
        `${path}: could not be read as a video: its pictures are to be shown turned by [0.707 0.707 -0.707 0.707], expected quarter turns`,
      );
    });
  });

  it.each(['index-last.mp4', 'index-first.mp4', 'h264.mkv', 'vp9.webm', 'b-frames.avi'])(
    'that was cut off is refused, wherever: %s',
    async (name) => {
      const path = join(temporaryFolder(), `cut${extname(name)}`);
      for (const percent of [20, 50, 75, 90]) {
        copyFileSync(whole(name), path);
        truncateSync(path, Math.floor((statSync(path).size * percent) / 100));
        const error = await refusal(path);
        expect(error.code, `${percent} %`).toBe('invalid-data');
        expect(error.message).toMatch(/cut\.\w+: could not be read as a video: /);
      }
    },
  );

  it.each(['index-first.mp4', 'h264.mkv', 'vp9.webm', 'b-frames.avi'])(
    'with stretches of zeros is refused: %s',
    async (name) => {
      const path = join(temporaryFolder(), `holes${extname(name)}`);
      const bytes = readFileSync(whole(name));
      for (let share = 0.2; share < 0.8; share += 0.08) {
        const at = Math.floor(bytes.length * share);
        bytes.fill(0, at, at + 40);
      }
      writeFileSync(path, bytes);
      expect(await refusal(path)).toMatchObject({ code: 'invalid-data' });
    },
  );

  it('of which a stretch was lost says where, without decoding it', async () => {
    const path = join(temporaryFolder(), 'hole.webm');
    const bytes = readFileSync(whole('vp9.webm'));
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(0, middle, middle + 400);
    writeFileSync(path, bytes);
    await expect(readTimeline(path)).rejects.toThrow(
      /hole\.webm: could not be read as a video: it is damaged: \d+ bytes could not be read, and no picture from \d\.\d\d to \d\.\d\d s$/,
    );
    copyFileSync(whole('vp9.webm'), path);
    truncateSync(path, middle);
    await expect(readTimeline(path)).rejects.toThrow(/it is cut off: it ends after [23]\.\d\d of 6\.00 s$/);
  });

  it('that the machine cannot open is not said to be damaged', () => {
    const reader = resolve('dist/planner/training/data/videos/video-file.js');
    const program = `import { openSync } from 'node:fs';
      import { readTimeline } from ${JSON.stringify(reader)};
      const read = () => readTimeline(${JSON.stringify(whole('vp9.webm'))});
      await read();
      try { for (;;) openSync('/dev/null'); } catch {}
      await read().catch(({ code, message }) => process.stdout.write(code + ' ' + message));`;
    const limited = 'ulimit -n 200 && exec "$0" --input-type=module --eval "$1"';
    const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, program], { encoding: 'utf8' });
    expect(stdout).toMatch(/^io-failed .*vp9\.webm: could not be read as a video: .*Too many open files$/);
  });

  it('that is none, is empty or is not there is refused by name', async () => {
    const path = join(temporaryFolder(), 'text.mp4');
    for (const content of ['no video', '']) {
      writeFileSync(path, content);
      await expect(readTimeline(path)).rejects.toThrow(`${path}: could not be read as a video: `);
    }
    await expect(readTimeline('/nowhere.mp4')).rejects.toMatchObject({ code: 'invalid-data' });
  });
});
