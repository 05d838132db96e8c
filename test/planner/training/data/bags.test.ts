import { copyFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AidError } from '#planner/errors.js';
import { bagRecordings } from '#planner/training/data/bags/bag-recordings.js';
import { type Command, commandSpans } from '#planner/training/data/bags/command-spans.js';
import { openBag } from '#planner/training/data/bags/open-bag.js';
import { describeRecordings, type Episode, evenlySpread } from '#planner/training/data/episode.js';
import { bag, GOOD, putBags, temporaryFolder } from '../tiny-runs.js';

const ALL = [0, 1, 2, 3, 4, 5];
const bagsIn = (bags: string): string[] => bagRecordings({ bags }).recordings.map(({ name }) => name);
const bagList = (bags: string): string => describeRecordings(bagRecordings({ bags }));

async function readMcapBag(path: string): Promise<Episode> {
  const { episodes } = await openBag(path, [path]);
  expect(episodes).toHaveLength(1);
  return episodes[0] as Episode;
}

describe('a bag', () => {
  it('written by mcap-ros2-support has an instruction, frames in order and what its recorder said', async () => {
    const episode = await readMcapBag(bag('good/episode-1'));
    expect(episode).toMatchObject({
      name: bag('good/episode-1'),
      instruction: 'push the green ball to the left',
      frameCount: 6,
      metadata: { family: 'push' },
    });
    const frames = await episode.readFrames(ALL);
    expect(frames.map(({ width, height }) => [width, height])).toEqual(Array(6).fill([32, 32]));
    // The green square goes from x = 20 to x = 4, at y = 14.
    const centres = frames.map(({ data }) => {
      const green = Array.from({ length: 32 }, (_, x) => x).filter((x) => {
        const [red = 0, value = 0] = data.subarray((18 * 32 + x) * 3);
        return value - red > 80;
      });
      return green.reduce((sum, x) => sum + x, 0) / green.length;
    });
    for (const [i, centre] of centres.entries())
      expect(Math.abs(centre - (24 - (16 * i) / 5))).toBeLessThan(1);
  });

  it.each(['zstd', 'lz4', 'rosbags'])('%s has the same instruction and frames', async (name) => {
    const [first, other] = await Promise.all([readMcapBag(bag(GOOD[0])), readMcapBag(bag(`others/${name}`))]);
    expect(other.instruction).toBe(first.instruction);
    expect(await other.readFrames(ALL)).toEqual(await first.readFrames(ALL));
  });

  it('gives the frames that are asked for, in that order', async () => {
    const episode = await readMcapBag(bag(GOOD[0]));
    const all = await episode.readFrames(ALL);
    expect(await episode.readFrames([5, 0, 0])).toEqual([all[5], all[0], all[0]]);
    await expect(episode.readFrames([6])).rejects.toThrow(`${bag(GOOD[0])}: no frame 6 of 6`);
  });

  it.each([
    ['truncated', /could not be read as an MCAP bag: /],
    ['empty', /could not be read as an MCAP bag: /],
    ['no-images', /no image on \/camera\/image\/compressed$/],
    ['no-instruction', /no instruction on \/instruction$/],
    ['no-index', /it has no index/],
  ])('%s is refused by name', async (name, reason) => {
    const error: AidError = await readMcapBag(bag(`broken/${name}`)).then(
      () => expect.unreachable(),
      (cause: AidError) => cause,
    );
    expect(error.code).toBe('invalid-data');
    expect(error.message).toMatch(reason);
    expect(error.message.startsWith(`${bag(`broken/${name}`)}: `)).toBe(true);
  });

  it('cut anywhere is refused or whole, never half read', async () => {
    const path = join(temporaryFolder(), 'cut.mcap');
    for (let percent = 5; percent < 100; percent += 10) {
      copyFileSync(bag(GOOD[0]), path);
      truncateSync(path, Math.floor((statSync(path).size * percent) / 100));
      await expect(readMcapBag(path), `${percent} %`).rejects.toMatchObject({ code: 'invalid-data' });
    }
  });

  it('with a corrupt JPEG refuses that frame by number', async () => {
    const path = bag('broken/corrupt-jpeg');
    const episode = await readMcapBag(path);
    expect(await episode.readFrames([0, 1, 2, 4, 5])).toHaveLength(5);
    const error = await episode.readFrames(ALL).catch((cause: AidError) => cause);
    expect(error).toMatchObject({ code: 'invalid-image' });
    expect((error as AidError).message.startsWith(`${path}: frame 3: `)).toBe(true);
  });

  it('whose images are not what their type says refuses them by number', async () => {
    const episode = await readMcapBag(bag('broken/raw-images'));
    await expect(episode.readFrames([0])).rejects.toThrow(`${bag('broken/raw-images')}: frame 0: `);
  });

  it('that is not there is refused by name', async () => {
    await expect(readMcapBag('/nowhere/a.mcap')).rejects.toThrow(/^\/nowhere\/a\.mcap: could not be read/);
  });
});

describe('a folder of bags', () => {
  it('lists them by name', () => {
    const bags = putBags(temporaryFolder());
    expect(bagsIn(bags)).toEqual([0, 1, 2, 3].map((i) => join(bags, `episode-${i}.mcap`)));
  });

  it('that is not there or empty is refused', () => {
    expect(() => bagsIn('/nowhere')).toThrow('/nowhere: no such folder');
    const folder = temporaryFolder();
    expect(() => bagsIn(folder)).toThrow(
      `${folder}: no .mcap file below it, no .db3 file and no folder with a metadata.yaml`,
    );
  });

  it('is told from one with another bag, one less, or another one of the same name', () => {
    const folder = temporaryFolder();
    const names = [GOOD.slice(0, 2), GOOD.slice(0, 3), GOOD.slice(1, 3)];
    const lists = names.map((some, i) => bagList(putBags(join(folder, String(i)), some)));
    copyFileSync(bag(GOOD[3]), join(folder, '0', 'bags', 'episode-0.mcap'));
    lists.push(bagList(join(folder, '0', 'bags')));
    expect(new Set(lists).size).toBe(4);
    expect(lists[0]).toMatch(/^2 bags \(/);
    expect(bagList(join(folder, '1', 'bags'))).toBe(lists[1]);
  });
});

it('spreads frames evenly over an episode, its first and last among them', () => {
  expect(evenlySpread(31, 4)).toEqual([0, 10, 20, 30]);
  expect(evenlySpread(6, 6)).toEqual(ALL);
  expect(evenlySpread(6, 3)).toEqual([0, 3, 5]);
  expect(evenlySpread(2, 4)).toEqual([0, 0, 1, 1]);
  expect(evenlySpread(1, 3)).toEqual([0, 0, 0]);
  expect(evenlySpread(9, 1)).toEqual([0]);
});

describe('commands and pictures', () => {
  const second = 1_000_000_000n;
  const stamps = Array.from({ length: 10 }, (_, i) => (BigInt(i) * second) / 2n);
  const options = { leadMs: 0, repeatMs: 2000, maxSeconds: Number.POSITIVE_INFINITY };
  const at = (seconds: number, text: string): Command => ({ stampNs: BigInt(seconds * 1e9), text });

  it('belong together until the next command', () => {
    expect(commandSpans([at(0, 'a'), at(2.25, 'b')], stamps, options)).toEqual([
      { text: 'a', first: 0, end: 5 },
      { text: 'b', first: 5, end: 10 },
    ]);
  });

  it('the same words soon after are the same command, later another one', () => {
    const said = [at(0, 'a'), at(1, 'a'), at(2, 'a'), at(4.5, 'a')];
    expect(commandSpans(said, stamps, options)).toEqual([
      { text: 'a', first: 0, end: 9 },
      { text: 'a', first: 9, end: 10 },
    ]);
  });

  it('end with an empty command or a longest time; a command without pictures has none', () => {
    expect(commandSpans([at(1, 'a'), at(2, '')], stamps, options)).toEqual([{ text: 'a', first: 2, end: 4 }]);
    expect(commandSpans([at(1, 'a')], stamps, { ...options, maxSeconds: 1 })).toEqual([
      { text: 'a', first: 2, end: 5 },
    ]);
    expect(commandSpans([at(1.1, 'a'), at(1.2, 'b')], stamps, options)).toEqual([
      { text: 'a', first: 3, end: 3 },
      { text: 'b', first: 3, end: 10 },
    ]);
    expect(commandSpans([at(9, 'a')], stamps, options)).toEqual([{ text: 'a', first: 10, end: 10 }]);
  });
});
