import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { AidError } from '#planner/errors.js';
import type { DataConfig } from '#planner/training/data/data-config.js';
import { detectData } from '#planner/training/data/detect-data.js';
import type { Episode, SkippedEpisode } from '#planner/training/data/episode.js';
import { openEpisodes } from '#planner/training/data/open-episodes.js';
import { noSamples, samples } from '../../../support/samples.js';
import { temporaryFolder } from '../tiny-runs.js';

const RED = [220, 40, 40];
const GREEN = [40, 200, 60];
const BLUE = [50, 70, 230];
const [WIDTH, SIDE] = [64, 10];

interface Opened {
  readonly episodes: readonly Episode[];
  readonly skipped: readonly SkippedEpisode[];
}

async function openAll(config: DataConfig): Promise<Opened> {
  const set = await openEpisodes(config);
  const episodes: Episode[] = [];
  const skipped: SkippedEpisode[] = [...set.skipped];
  for (const recording of set.recordings) {
    try {
      const opened = await recording.open();
      episodes.push(...opened.episodes);
      skipped.push(...opened.skipped);
    } catch (error) {
      if (!AidError.isInstance(error)) throw error;
      skipped.push({ name: recording.name, reason: error.message });
    }
  }
  return { episodes, skipped };
}

/** The centre of what differs from the table at the square's height, and the colour there. */
function square({ data, width }: Frame): { x: number; colour: number[] } {
  const pixels = Array.from({ length: width }, (_, x) => [
    ...data.subarray((25 * width + x) * 3, (25 * width + x) * 3 + 3),
  ]);
  const inside = [...pixels.keys()].filter((x) => {
    const [red = 0, green = 0, blue = 0] = pixels[x] as number[];
    return Math.abs(red - 150) + Math.abs(green - 120) + Math.abs(blue - 90) > 90;
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return { x: mean(inside), colour: pixels[inside[inside.length >> 1] as number] as number[] };
}

/** Every frame of the episode shows the square of that colour where it was at that time. */
async function expectClip(
  { name, frameCount, readFrames }: Episode,
  colour: readonly number[],
  { of = frameCount, within = 3.3 } = {},
): Promise<void> {
  const all = Array.from({ length: frameCount }, (_, index) => index);
  const frames = await readFrames(all);
  for (const [index, frame] of frames.entries()) {
    expect([frame.width, frame.height], name).toEqual([WIDTH, 48]);
    const seen = square(frame);
    const expected = Math.round((index / (of - 1)) * (WIDTH - SIDE)) + (SIDE - 1) / 2;
    expect(
      Math.abs(seen.x - expected),
      `${name}: frame ${index} at ${seen.x}, expected ${expected}`,
    ).toBeLessThan(within);
    for (const [channel, value] of colour.entries())
      expect(Math.abs((seen.colour[channel] as number) - value), `${name}: ${seen.colour}`).toBeLessThan(50);
  }
  // In any order, and some of them twice.
  const [last, first, again] = await readFrames([frameCount - 1, 0, frameCount - 1]);
  expect([last, first, again]).toEqual([frames.at(-1), frames[0], frames.at(-1)]);
  await expect(readFrames([frameCount])).rejects.toThrow(`no frame ${frameCount} of ${frameCount}`);
}

const told = ({ episodes }: Opened): unknown[] =>
  episodes.map(({ instruction, frameCount, framesPerSecond }) => [
    instruction,
    frameCount,
    framesPerSecond?.toFixed(1),
  ]);
const reasons = ({ skipped }: Opened): string[] => skipped.map(({ reason }) => reason);

if (noSamples !== undefined) it.skip(`reads data sets (${noSamples})`, () => undefined);

describe.skipIf(noSamples !== undefined)('data sets that other libraries wrote', () => {
  beforeAll(() => {
    samples();
  });

  describe("a robot's bags", () => {
    const topics = { image: '/camera/color/compressed', instruction: '/task' };

    it.each([
      ['raw bgr8 with padded rows', 'raw', '/camera/color/image_raw'],
      ['compressed', 'compressed', '/camera/color/compressed'],
    ])('%s images, MCAP and sqlite3: commands and pictures are paired by time', async (_, folder, image) => {
      const opened = await openAll({
        bags: samples('bags', folder),
        topics: { image, instruction: '/task' },
      });
      const commands = [
        ['put the red cube on the plate', 8, '10.0'],
        ['push the green ball to the left', 6, '10.0'],
      ];
      // Not the pictures before the first command, nor those after the empty one.
      expect(told(opened)).toEqual([...commands, ...commands]);
      expect(opened.skipped).toEqual([]);
      for (const [index, episode] of opened.episodes.entries())
        await expectClip(episode, index % 2 === 0 ? RED : GREEN, { within: 0.6 });
    });

    it("the user's own message type: its text is where the config says", async () => {
      const bags = samples('bags', 'own-message');
      const opened = await openAll({ bags, topics, instructionField: 'goal.words' });
      expect(told(opened)).toEqual(Array(2).fill(['stack the blue block', 5, '10.0']));
      for (const episode of opened.episodes) await expectClip(episode, BLUE);
      const wrong = await openAll({ bags, topics, instructionField: 'goal.name' });
      expect(reasons(wrong)[0]).toMatch(
        /\/task: expected text in goal.name of my_msgs\/msg\/Task, got undefined$/,
      );
    });

    it('a recording split into files is one, with and without its metadata.yaml', async () => {
      const opened = await openAll({ bags: samples('bags', 'split'), topics });
      expect(told(opened)).toEqual([['wipe the table', 8, '10.0']]);
      const [episode] = opened.episodes as [Episode];
      const frames = await episode.readFrames([0, 3, 4, 7]);
      expect(frames.map((frame) => Math.round(square(frame).x))).toEqual([5, 59, 5, 59]);

      const killed = join(temporaryFolder(), 'bags');
      mkdirSync(join(killed, 'long'), { recursive: true });
      for (const name of ['long_0.db3', 'long_1.db3'])
        copyFileSync(samples('bags', 'split', 'long', name), join(killed, 'long', name));
      expect(told(await openAll({ bags: killed, topics }))).toEqual([['wipe the table', 8, '10.0']]);
    });

    it('a folder that is itself a recording is one', async () => {
      const opened = await openAll({ bags: samples('bags', 'split', 'long'), topics });
      expect(told(opened)).toEqual([['wipe the table', 8, '10.0']]);
    });

    it('one command for recordings without any', async () => {
      const opened = await openAll({ bags: samples('bags', 'compressed'), topics, instruction: 'tidy up' });
      expect(told(opened)).toEqual(Array(2).fill(['tidy up', 19, '10.0']));
    });

    it('a lead, and a longest time', async () => {
      const [early] = (await openAll({ bags: samples('bags', 'compressed'), topics, leadMs: 200 })).episodes;
      expect(early?.frameCount).toBe(8 + 2 - 2);
      const [short] = (await openAll({ bags: samples('bags', 'compressed'), topics, maxSeconds: 0.45 }))
        .episodes;
      expect(short?.frameCount).toBe(5);
    });

    it('what cannot be used is skipped by name and reason, and the rest is used', async () => {
      const opened = await openAll({ bags: samples('bags', 'broken'), topics });
      const bayer = opened.episodes.find(({ name }) => name.endsWith('bayer')) as Episode;
      await expect(bayer.readFrames([0])).rejects.toThrow(/bayer: frame 0: .*got bayer_rggb8$/);
      expect(opened.episodes.map(({ name }) => basename(name))).toEqual(['bayer', 'good']);
      expect(reasons(opened).map((reason) => reason.replace(samples('bags', 'broken'), ''))).toEqual([
        expect.stringMatching(/^\/cut: could not be read as an sqlite3 bag: /),
        '/elsewhere: no image on /camera/color/compressed; it has images on /wrist/image_raw',
        expect.stringMatching(/^\/empty.db3: could not be read as an sqlite3 bag: /),
        expect.stringMatching(/^\/nonsense\/metadata.yaml: not YAML: /),
        '/silent: no instruction on /task',
        '/squeezed/metadata.yaml: compressed by rosbag2 (file); "ros2 bag convert" writes a copy that is not',
      ]);
    });
  });

  it("BridgeData V2's raw folders: pictures in the order of their numbers, the first annotator's words", async () => {
    const opened = await openAll({ bridge: samples('bridge') });
    expect(told(opened)).toEqual([
      ['put the corn in the pot', 12, '5.0'],
      ['place the corn into the pot', 12, '5.0'],
      ['shut the door', 3, '5.0'],
    ]);
    const [first, second, corrupt] = opened.episodes as [Episode, Episode, Episode];
    await expectClip(first, RED);
    await expectClip(second, GREEN);
    expect(second.metadata).toEqual({ otherInstructions: 'move corn' });
    await expect(corrupt.readFrames([0, 1, 2])).rejects.toThrow(
      /traj5\/images0\/im_1.jpg: not a whole image/,
    );
    expect(reasons(opened).map((reason) => reason.replace(/^.*\//, ''))).toEqual([
      'traj2: no lang.txt',
      'traj3: no instruction in lang.txt',
      '',
    ]);
    expect(reasons(opened)[2]).toMatch(/traj4: no im_\*\.jpg in images0\/$/);
    const other = await openAll({ bridge: samples('bridge'), camera: 'images1' });
    expect(told(other)).toHaveLength(2);
    expect(reasons(other)).toContainEqual(expect.stringMatching(/traj5: no images1\/$/));
  });

  describe('LeRobot data sets', () => {
    const clips = [
      ['pick the red cube', 12, '10.0'],
      ['push the green cube', 9, '10.0'],
    ];
    it.each([
      ['2.1, an AV1 video an episode', () => samples('lerobot', 'v2')],
      ['3.0, many episodes in an H.264 video', () => samples('lerobot', 'v3-video')],
      ['3.0, pictures in Parquet', () => samples('lerobot', 'v3-image')],
      ['3.0, written by LeRobot 0.4.4 itself', () => resolve('test/fixtures/recordings/lerobot-0.4.4/video')],
      [
        '3.0, pictures, written by LeRobot 0.4.4 itself',
        () => resolve('test/fixtures/recordings/lerobot-0.4.4/image'),
      ],
    ])('version %s', async (_, folder) => {
      const opened = await openAll({ lerobot: folder(), camera: 'observation.images.top' });
      expect(told(opened)).toEqual(clips);
      const [red, green] = opened.episodes as [Episode, Episode];
      await expectClip(red, RED);
      await expectClip(green, GREEN);
    });

    it('an episode whose files are gone is skipped, another camera is refused by name', async () => {
      const lerobot = samples('lerobot', 'v2');
      expect(reasons(await openAll({ lerobot }))).toEqual([
        `${lerobot}: episode 2: no ${lerobot}/data/chunk-000/episode_000002.parquet`,
      ]);
      await expect(openEpisodes({ lerobot, camera: 'front' })).rejects.toThrow(
        `${lerobot}: no camera front; it has observation.images.wrist, observation.images.top`,
      );
    });

    it('a video that ends too soon skips its episodes only', async () => {
      const lerobot = join(temporaryFolder(), 'cut');
      cpSync(samples('lerobot', 'v2'), lerobot, { recursive: true });
      writeFileSync(join(lerobot, 'videos/chunk-000/observation.images.top/episode_000000.mp4'), 'no video');
      const opened = await openAll({ lerobot, camera: 'observation.images.top' });
      expect(told(opened)).toEqual(clips.slice(1));
      expect(reasons(opened)[0]).toMatch(/episode_000000.mp4: could not be read as a video: /);
    });
  });

  describe('folders of videos with captions', () => {
    it('Something-Something V2: JSON labels, WebM', async () => {
      const [videos, captions] = [samples('videos', 'ssv2'), samples('videos', 'ssv2', 'train.json')];
      const opened = await openAll({ videos, captions });
      expect(told(opened)).toEqual([
        ['moving a green block', 9, '10.0'],
        ['pushing a red block', 14, '10.0'],
      ]);
      const [green, red] = opened.episodes as [Episode, Episode];
      await expectClip(green, GREEN);
      await expectClip(red, RED);
      expect(reasons(opened)).toEqual([
        `${videos}/videos/3.webm: no caption in ${captions}`,
        `${captions}: 99: no such video in ${videos}`,
        expect.stringMatching(/\/videos\/4.webm: could not be read as a video: /),
      ]);
    });

    it('EPIC-KITCHENS-100: narrations with their times in long videos', async () => {
      const videos = samples('videos', 'epic');
      const opened = await openAll({ videos, captions: join(videos, 'EPIC_100_train.csv') });
      expect(told(opened)).toEqual([
        ['open door', 19, '10.0'],
        ['turn on light', 16, '10.0'],
      ]);
      const [door, light] = opened.episodes as [Episode, Episode];
      await expectClip(door, RED, { of: 20 });
      await expectClip(light, BLUE, { of: 20 });
      expect(reasons(opened)).toEqual([
        expect.stringMatching(/caption 3 of 3, "close door": no picture from 60 to 62 s$/),
      ]);
    });

    it('UCF-101: a sentence for each class', async () => {
      const videos = samples('videos', 'ucf');
      const opened = await openAll({ videos, captions: join(videos, 'classes.json') });
      expect(told(opened)).toEqual([
        ['a person applies eye makeup', 16, '10.0'],
        ['a person shoots with a bow', 16, '10.0'],
      ]);
      const [makeup, archery] = opened.episodes as [Episode, Episode];
      await expectClip(makeup, RED);
      await expectClip(archery, BLUE);
    });

    it.each([
      ['a.json', '[{"id": 1}]', /a.json: row 1: expected one of video, /],
      ['b.csv', 'video,caption,start\n100,x,soon\n', /b.csv: row 1: expected times/],
      ['c.json', '{"a": 1}', /c.json: expected a list, or an object of names and sentences/],
      ['d.json', '[', /d.json: not captions: /],
      ['e.jsonl', '{"file_name": "nowhere.mp4", "text": "x"}\n', /none of its \d+ videos has a caption/],
    ])('captions that are none are refused: %s', async (name, content, reason) => {
      const captions = join(temporaryFolder(), name);
      writeFileSync(captions, content);
      await expect(openEpisodes({ videos: samples('videos', 'ssv2'), captions })).rejects.toThrow(reason);
    });
  });

  it('are told from each other by what is in the folder', () => {
    expect(detectData(samples('bags', 'raw'))).toEqual({ bags: samples('bags', 'raw') });
    expect(detectData(samples('bags', 'raw'), { imageTopic: '/a' })).toMatchObject({
      topics: { image: '/a' },
    });
    expect(detectData(samples('lerobot', 'v2'), { camera: 'top' })).toEqual({
      lerobot: samples('lerobot', 'v2'),
      camera: 'top',
    });
    expect(detectData(samples('bridge'))).toEqual({ bridge: samples('bridge') });
    expect(() => detectData(samples('videos'))).toThrow(/neither bags .*videos need a captions file$/);
  });
});
