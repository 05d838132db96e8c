import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { DataConfig } from '#planner/training/data/data-config.js';
import { detectData } from '#planner/training/data/detect-data.js';
import { type Episode, reasonToSkip, type SkippedEpisode } from '#planner/training/data/episode.js';
import { openEpisodes } from '#planner/training/data/open-episodes.js';
import { failingCall } from '../../../support/failing-call.js';
import { centreAt, square, WIDTH } from '../../../support/moving-square.js';
import { describeWithSamples, samples } from '../../../support/samples.js';
import { hashes, temporaryFolder } from '../tiny-runs.js';

const RED = [220, 40, 40];
const GREEN = [40, 200, 60];
const BLUE = [50, 70, 230];

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
      skipped.push({ name: recording.name, reason: reasonToSkip(error) });
    }
  }
  return { episodes, skipped };
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
    const expected = centreAt(index / (of - 1));
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

describeWithSamples('data sets that other libraries wrote', () => {
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

    describe('an MCAP recording in several files, of a recorder that was killed', () => {
      const parts = ['run_0.mcap', 'run_1.mcap', 'run_2.mcap'];
      /** The recording, and what is read of it where the files at these places have no end. */
      async function openCut(...cut: readonly number[]): Promise<Opened & { readonly run: string }> {
        const bags = join(temporaryFolder(), 'bags');
        const run = join(bags, 'run');
        cpSync(samples('bags', 'split-mcap', 'run'), run, { recursive: true });
        for (const path of cut.map((place) => join(run, parts[place] as string)))
          truncateSync(path, Math.floor(statSync(path).size / 2));
        return { ...(await openAll({ bags, topics })), run };
      }
      const noEnd = (path: string): string =>
        `${path}: could not be read as an MCAP bag: it has no end: its recorder was stopped, or it was cut off; "mcap recover" writes a whole copy of what is there`;

      it('is whole where each of them is', async () => {
        const opened = await openCut();
        expect(opened.skipped).toEqual([]);
        expect(told(opened)).toEqual([
          ['wipe the table', 10, '10.0'],
          ['fold the cloth', 2, '10.0'],
        ]);
        const [first, second] = opened.episodes as [Episode, Episode];
        const colours = async (episode: Episode, indices: readonly number[]) =>
          (await episode.readFrames(indices)).map((frame) => square(frame).colour.map(Math.round));
        expect(await colours(first, [9, 0, 4, 7])).toEqual([BLUE, RED, GREEN, GREEN]);
        expect(await colours(second, [0, 1])).toEqual([BLUE, BLUE]);
      });

      it('is one also where it is all that there is', async () => {
        const bags = samples('bags', 'split-mcap', 'run');
        const opened = await openAll({ bags, topics });
        expect(told(opened).map((each) => (each as unknown[])[1])).toEqual([10, 2]);
        expect(opened.skipped).toEqual([]);
      });

      it('is used without the last one, which is told by name', async () => {
        const opened = await openCut(2);
        expect(told(opened)).toEqual([['wipe the table', 8, '10.0']]);
        expect(reasons(opened)).toEqual([noEnd(join(opened.run, 'run_2.mcap'))]);
        expect(await opened.episodes[0]?.readFrames([0, 7])).toHaveLength(2);
      });

      it('is used without one between: no command goes on after it', async () => {
        const opened = await openCut(1);
        expect(told(opened)).toEqual([
          ['wipe the table', 4, '10.0'],
          ['fold the cloth', 2, '10.0'],
        ]);
        expect(reasons(opened)).toEqual([noEnd(join(opened.run, 'run_1.mcap'))]);
        const [frame] = (await opened.episodes[1]?.readFrames([1])) ?? [];
        expect(square(frame as Frame).colour.map(Math.round)).toEqual(BLUE);
      });

      it('is skipped where none can be read, or where what can be has no command', async () => {
        const none = await openCut(0, 1, 2);
        expect([told(none), reasons(none)]).toEqual([[], [noEnd(join(none.run, 'run_0.mcap'))]]);
        const silent = await openCut(0, 2);
        expect([told(silent), reasons(silent)]).toEqual([[], [noEnd(join(silent.run, 'run_0.mcap'))]]);
      });
    });

    it('a file that metadata.yaml names and that is gone is told, the others are used', async () => {
      const bags = join(temporaryFolder(), 'bags');
      cpSync(samples('bags', 'split'), bags, { recursive: true });
      const gone = join(bags, 'long', 'long_1.db3');
      rmSync(gone);
      const opened = await openAll({ bags, topics });
      expect(told(opened)).toEqual([['wipe the table', 4, '10.0']]);
      expect(reasons(opened)).toEqual([expect.stringMatching(/long_1\.db3: could not be read .*ENOENT/)]);
    });

    it.each([
      ['too many open files', 'mcap', 'promises.open', 'EMFILE', 0],
      ['too many open files', 'sqlite', 'openSync', 'EMFILE', 0],
      ['too many open files, of which SQLite says less', 'sqlite', 'openSync', 'EMFILE', 1],
      ['a broken disk, of which SQLite says less', 'sqlite', 'readSync', 'EIO', 1],
      ['a full disk', 'sqlite', 'mkdtempSync', 'ENOSPC', 0],
    ])('%s is no fault of a bag, and ends the run: %s', async (_, folder, name, code, from) => {
      const bags = samples('bags', 'compressed', folder);
      let calls = 0;
      failingCall(name, code, () => calls++ >= from);
      await expect(openAll({ bags, topics })).rejects.toMatchObject({ code: 'io-failed' });
    });

    it('a folder that is itself a recording is one', async () => {
      const opened = await openAll({ bags: samples('bags', 'split', 'long'), topics });
      expect(told(opened)).toEqual([['wipe the table', 8, '10.0']]);
    });

    it.each(['mcap/mcap.mcap', 'sqlite/sqlite.db3'])('a file that is one is: %s', async (file) => {
      const bags = samples('bags', 'compressed', file);
      expect(detectData(bags)).toEqual({ bags });
      const set = await openEpisodes({ bags, topics });
      expect([set.folder, set.recordings.map((recording) => recording.name)]).toEqual([
        dirname(bags),
        [bags],
      ]);
      expect(told(await openAll({ bags, topics }))).toHaveLength(2);
    });

    it('a file that is none is refused by name', async () => {
      const file = join(temporaryFolder(), 'notes.txt');
      writeFileSync(file, 'no bag');
      await expect(openEpisodes({ bags: file })).rejects.toThrow(
        `${file}: expected a folder of bags, an .mcap file or a .db3 file`,
      );
      expect(() => detectData(file)).toThrow(`${file}: neither bags (.mcap, .db3), nor `);
      await expect(openEpisodes({ bridge: file })).rejects.toThrow(`${file}: expected a folder, got a file`);
    });

    it('a folder that is named as a file is looked into', async () => {
      const bags = join(temporaryFolder(), 'bags');
      cpSync(samples('bags', 'compressed', 'mcap'), join(bags, 'run.mcap'), { recursive: true });
      cpSync(samples('bags', 'compressed', 'mcap', 'mcap.mcap'), join(bags, 'day', 'run.mcap'));
      const opened = await openAll({ bags, topics });
      expect([told(opened).length, opened.skipped]).toEqual([4, []]);
    });

    it('a link to what is listed beside it, or back up, is told and not followed', async () => {
      const bags = join(temporaryFolder(), 'bags');
      cpSync(samples('bags', 'split'), bags, { recursive: true });
      const elsewhere = join(bags, '..', 'elsewhere');
      cpSync(samples('bags', 'compressed', 'mcap'), elsewhere, { recursive: true });
      for (const [name, target] of Object.entries({ again: '..', latest: 'long', other: '../elsewhere' }))
        symlinkSync(target, join(bags, name));
      const opened = await openAll({ bags, topics });
      expect(told(opened)).toHaveLength(1 + 2);
      expect(reasons(opened)).toEqual(
        ['again', 'latest'].map((name) =>
          expect.stringMatching(`^${join(bags, name)}: a link to .*, which is listed without it$`),
        ),
      );
    });

    it('a metadata.yaml that is damaged, or names fewer files than there are, is told', async () => {
      const bags = join(temporaryFolder(), 'bags');
      cpSync(samples('bags', 'split'), bags, { recursive: true });
      const metadata = join(bags, 'long', 'metadata.yaml');
      const whole = readFileSync(metadata, 'utf8');
      writeFileSync(metadata, whole.replace('  - long_1.db3\n', ''));
      const fewer = await openAll({ bags, topics });
      expect(told(fewer)).toEqual([['wipe the table', 4, '10.0']]);
      expect(reasons(fewer)).toEqual([`${join(bags, 'long', 'long_1.db3')}: not in metadata.yaml`]);
      // As a robot that lost power leaves it.
      writeFileSync(metadata, '');
      const empty = await openAll({ bags, topics });
      expect(told(empty)).toEqual([['wipe the table', 8, '10.0']]);
      expect(reasons(empty)).toEqual([`${metadata}: not rosbag2's: `]);
    });

    it('sqlite3 with a write-ahead log: closed, and left by a recorder that was killed', async () => {
      const bags = samples('bags', 'with-logs');
      const before = hashes(bags);
      const temporary = temporaryFolder();
      vi.stubEnv('TMPDIR', temporary);
      onTestFinished(() => {
        vi.unstubAllEnvs();
      });
      const opened = await openAll({ bags, topics });
      expect(opened.skipped).toEqual([]);
      expect(told(opened)).toEqual(
        Array(2)
          .fill([
            ['put the red cube on the plate', 8, '10.0'],
            ['push the green ball to the left', 6, '10.0'],
          ])
          .flat(),
      );
      for (const [index, episode] of opened.episodes.entries())
        await expectClip(episode, index % 2 === 0 ? RED : GREEN);
      // Nothing was written beside them, nor left behind.
      expect(hashes(bags)).toEqual(before);
      expect(readdirSync(temporary)).toEqual([]);
    });

    it('sqlite3 that is read many times at once, after a reader that was killed', async () => {
      const bags = join(temporaryFolder(), 'bags');
      cpSync(samples('bags', 'compressed', 'sqlite'), bags, { recursive: true });
      mkdirSync(join(bags, 'sqlite.db3.lock'));
      const { episodes } = await openAll({ bags, topics });
      const read = await Promise.all([...episodes, ...episodes].map(({ readFrames }) => readFrames([0, 5])));
      expect(read.map((frames) => frames.length)).toEqual([2, 2, 2, 2]);
    });

    it('folders in folders, parts without metadata.yaml beside each other', async () => {
      const bags = join(temporaryFolder(), 'bags');
      const week = join(bags, 'week-1');
      cpSync(samples('bags', 'compressed', 'mcap'), join(week, 'monday', 'run'), { recursive: true });
      mkdirSync(join(week, 'tuesday'));
      for (const [from, to] of [
        [samples('bags/split/long/long_0.db3'), 'wipe_0.db3'],
        [samples('bags/split/long/long_1.db3'), 'wipe_1.db3'],
        [samples('bags/compressed/sqlite/sqlite.db3'), 'other_0.db3'],
      ] as const)
        copyFileSync(from, join(week, 'tuesday', to));
      const opened = await openAll({ bags, topics });
      expect(told(opened)).toEqual([
        ['put the red cube on the plate', 8, '10.0'],
        ['push the green ball to the left', 6, '10.0'],
        ['put the red cube on the plate', 8, '10.0'],
        ['push the green ball to the left', 6, '10.0'],
        ['wipe the table', 8, '10.0'],
      ]);
      expect(opened.skipped).toEqual([]);
      expect(detectData(bags)).toEqual({ bags });
    });

    it('files that rosbag2 compressed are named, with and without a metadata.yaml', async () => {
      const bags = join(temporaryFolder(), 'bags');
      mkdirSync(join(bags, 'killed'), { recursive: true });
      const [squeezed = ''] = readdirSync(samples('bags', 'broken', 'squeezed')).filter((name) =>
        name.endsWith('.db3.zstd'),
      );
      copyFileSync(samples('bags', 'broken', 'squeezed', squeezed), join(bags, 'killed', squeezed));
      const reason = `${join(bags, 'killed', squeezed)}: compressed by rosbag2; "zstd -d" writes a copy that is not`;
      await expect(openEpisodes({ bags })).rejects.toThrow(reason);
      expect(detectData(bags)).toEqual({ bags });
      cpSync(samples('bags', 'split', 'long'), join(bags, 'long'), { recursive: true });
      const opened = await openAll({ bags, topics });
      expect([told(opened).length, reasons(opened)]).toEqual([1, [reason]]);
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
    const folder = temporaryFolder();
    await expect(openEpisodes({ bridge: folder, camera: 'images2' })).rejects.toThrow(
      `${folder}: no folder below it has pictures in images2/`,
    );
  });

  describe('LeRobot data sets', () => {
    const clips = [
      ['pick the red cube', 12, '10.0'],
      ['push the green cube', 9, '10.0'],
    ];
    it.each<[string, () => string]>([
      ['2.1, an AV1 video an episode', () => samples('lerobot', 'v2')],
      ['3.0, many episodes in an H.264 video', () => samples('lerobot', 'v3-video')],
      ['3.0, pictures in Parquet', () => samples('lerobot', 'v3-image')],
      ...[
        ['2.0, written by LeRobot itself', 'lerobot-aca464ca7'],
        ['2.1, written by LeRobot 0.3.3 itself', 'lerobot-0.3.3'],
        ['3.0, written by LeRobot 0.4.4 itself', 'lerobot-0.4.4'],
      ].flatMap(([version, name = '']) =>
        ['video', 'image'].map((kind): [string, () => string] => [
          `${version}: ${kind}`,
          () => resolve('test/fixtures/recordings', name, kind),
        ]),
      ),
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
      const video = join(lerobot, 'videos/chunk-000/observation.images.top/episode_000000.mp4');
      truncateSync(video, statSync(video).size / 2);
      const opened = await openAll({ lerobot, camera: 'observation.images.top' });
      expect(told(opened)).toEqual(clips.slice(1));
      expect(reasons(opened)[0]).toMatch(/episode_000000.mp4: could not be read as a video: /);
    });

    it('a damaged line of meta/episodes.jsonl is skipped, the others are used', async () => {
      const lerobot = join(temporaryFolder(), 'set');
      cpSync(samples('lerobot', 'v2'), lerobot, { recursive: true });
      const file = join(lerobot, 'meta', 'episodes.jsonl');
      const [first = '', second = ''] = readFileSync(file, 'utf8').split('\n');
      writeFileSync(file, [first.slice(0, 20), second, second, '{"episode_index": 7}', ''].join('\n'));
      const opened = await openAll({ lerobot, camera: 'observation.images.top' });
      expect(told(opened)).toEqual(clips.slice(1));
      expect(reasons(opened)).toEqual([
        expect.stringMatching(/meta\/episodes.jsonl: line 1: could not be read: /),
        expect.stringMatching(/meta\/episodes.jsonl: line 4: tasks: /),
        expect.stringMatching(/: episode 1: episode-000001 is listed twice, see .*: episode 1$/),
      ]);
    });

    it.each(['video', 'image'])(
      'an unreadable file in meta/episodes/ of 3.0 is skipped: %s',
      async (kind) => {
        const lerobot = join(temporaryFolder(), 'set');
        cpSync(samples('lerobot', `v3-${kind}`), lerobot, { recursive: true });
        const folder = join(lerobot, 'meta/episodes/chunk-000');
        // Its first episode is in the file that is damaged, the second one in another.
        copyFileSync(samples('lerobot', `v3-${kind}-second.parquet`), join(folder, 'file-001.parquet'));
        truncateSync(join(folder, 'file-000.parquet'), 100);
        const opened = await openAll({ lerobot, camera: 'observation.images.top' });
        expect(told(opened)).toEqual(clips.slice(1));
        await expectClip(opened.episodes[0] as Episode, GREEN);
        expect(reasons(opened)).toEqual([
          expect.stringMatching(
            /meta\/episodes\/chunk-000\/file-000.parquet: could not be read as Parquet: /,
          ),
        ]);
      },
    );

    it('a file of many episodes is looked into once', async () => {
      const lerobot = join(temporaryFolder(), 'set');
      cpSync(samples('lerobot', 'v3-video'), lerobot, { recursive: true });
      const { recordings } = await openEpisodes({ lerobot, camera: 'observation.images.top' });
      await recordings[0]?.open();
      // What is gone by now is not needed again to find the other episode in it.
      const video = join(lerobot, 'videos/observation.images.top/chunk-000/file-000.mp4');
      writeFileSync(video, '');
      const { episodes: [second] = [] } = (await recordings[1]?.open()) ?? {};
      expect(second).toMatchObject({ frameCount: 9 });
      await expect(second?.readFrames([0])).rejects.toMatchObject({ code: 'invalid-data' });
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
      [
        'a.json',
        '[{"id": "100", "label": "x"}, {"id": 1}, "2", {"id": "2", "label": "y"}]',
        ['row 2', 'row 3'],
      ],
      ['b.csv', 'id,text\n100,x\n3,y,z\n2,\n2,y\n', ['line 3', 'line 4']],
      ['c.json', '{"100": "x", "3": "", "2": "y"}', ['3']],
      ['d.jsonl', '{"id": 100, "text": "x"}\n{"id": 3, "te\n\n{"id": 2, "text": "y"}\n', ['line 2']],
    ])('rows that cannot be used are skipped, the others used: %s', async (name, content, odd) => {
      const captions = join(temporaryFolder(), name);
      writeFileSync(captions, content);
      const opened = await openAll({ videos: samples('videos', 'ssv2'), captions });
      expect(told(opened).toSorted()).toEqual([
        ['x', 14, '10.0'],
        ['y', 9, '10.0'],
      ]);
      const rows = reasons(opened).filter((reason) => reason.startsWith(captions));
      expect(rows.map((reason) => reason.slice(captions.length + 2).split(':')[0])).toEqual(odd);
    });

    it.each([
      ['a.json', '[{"id": 1}]', /a.json: row 1: expected one of video, /],
      ['b.csv', 'video,caption,start\n100,x,soon\n', /b.csv: line 2: expected times/],
      ['c.json', '{"a": {}}', /c.json: a: expected one of video, /],
      ['f.json', '7', /f.json: not captions: expected a list, or an object of names and sentences/],
      ['d.json', '[', /d.json: not captions: /],
      ['e.jsonl', '{"file_name": "nowhere.mp4", "text": "x"}\n', /none of its \d+ videos has a caption/],
    ])('captions that are none are refused: %s', async (name, content, reason) => {
      const captions = join(temporaryFolder(), name);
      writeFileSync(captions, content);
      await expect(openEpisodes({ videos: samples('videos', 'ssv2'), captions })).rejects.toThrow(reason);
    });
  });

  describe('below which a folder may not be read', () => {
    const names = ['bags', 'bridge', 'lerobot', 'videos'] as const;
    /** A data set, and the folder in it that may not be read. */
    function closed(kind: (typeof names)[number], code = 'EACCES') {
      const folder = join(temporaryFolder(), kind);
      const [from, below] = {
        bags: [['bags', 'compressed'], 'closed'],
        bridge: [['bridge'], 'closed'],
        lerobot: [['lerobot', 'v3-image'], 'meta/episodes/closed'],
        videos: [['videos', 'ucf'], 'closed'],
      }[kind] as [string[], string];
      cpSync(samples(...from), folder, { recursive: true });
      mkdirSync(join(folder, below));
      failingCall('readdirSync', code, (path) => path === join(folder, below));
      const config: DataConfig = {
        bags: { bags: folder, topics: { image: '/camera/color/compressed', instruction: '/task' } },
        bridge: { bridge: folder },
        lerobot: { lerobot: folder },
        videos: { videos: folder, captions: join(folder, 'classes.json') },
      }[kind];
      return { config, folder, path: join(folder, below) };
    }

    it.each(names)('skip it by name, and are read but for it: %s', async (kind) => {
      const { config, folder, path } = closed(kind);
      const opened = await openAll(config);
      expect(told(opened).length).toBeGreaterThan(1);
      expect(reasons(opened)).toContainEqual(
        expect.stringMatching(`^${path}: could not be read: EACCES: .*$`),
      );
      if (kind !== 'videos') expect(Object.keys(detectData(folder))).toEqual([kind]);
    });

    it.each(names)('are not read where it is the machine that fails: %s', async (kind) => {
      await expect(openAll(closed(kind, 'EMFILE').config)).rejects.toMatchObject({ code: 'io-failed' });
    });
  });

  it.each([
    ['a line of meta/', 'lerobot', 'readFileSync'],
    ['a picture', 'bridge', 'promises.readFile'],
    ['a captions file', 'videos', 'readFileSync'],
  ])('fail as a whole where the machine does while it reads %s', async (_, kind, call) => {
    const config = {
      lerobot: { lerobot: samples('lerobot', 'v2') },
      bridge: { bridge: samples('bridge') },
      videos: { videos: samples('videos', 'ucf'), captions: samples('videos', 'ucf', 'classes.json') },
    }[kind] as DataConfig;
    failingCall(call, 'EIO');
    const read = async () => (await openAll(config)).episodes[0]?.readFrames([0]);
    await expect(read()).rejects.toMatchObject({ code: 'io-failed' });
  });

  it.each([
    [['bags', 'raw'], { camera: 'images1' }, 'bags, for which no camera can'],
    [['bridge'], { instruction: 'tidy up' }, 'BridgeData, for which no instruction can'],
    [['bridge'], { instructionTopic: '/task' }, 'BridgeData, for which no instruction topic can'],
    [['lerobot', 'v2'], { imageTopic: '/a' }, 'a LeRobot data set, for which no image topic can'],
    [
      ['videos', 'ucf'],
      { captions: 'a.json', instructionField: 'a' },
      'videos, for which no instruction field can',
    ],
  ])("refuse another one's hint by name: %s %o", (folder, hints, reason) => {
    expect(() => detectData(samples(...folder), hints)).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: `${samples(...folder)}: read as ${reason} be chosen`,
      }),
    );
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
