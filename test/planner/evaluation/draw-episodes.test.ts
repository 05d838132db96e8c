import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { drawEpisodes } from '#planner/evaluation/draw-episodes.js';
import type { DataConfig } from '#planner/training/data/data-config.js';
import type { EpisodeSet } from '#planner/training/data/episode.js';
import { openEpisodes } from '#planner/training/data/open-episodes.js';
import { describeWithSamples, samples } from '../../support/samples.js';
import { temporaryFolder } from '../training/tiny-runs.js';

/** A data set that counts which of its recordings are opened. */
async function counted(config: DataConfig): Promise<{ set: EpisodeSet; opened: string[] }> {
  const set = await openEpisodes(config);
  const opened: string[] = [];
  const recordings = set.recordings.map((recording) => ({
    ...recording,
    open: () => {
      opened.push(recording.name);
      return recording.open();
    },
  }));
  return { set: { ...set, recordings }, opened };
}

/** Trajectories of BridgeData, the first of them without a sentence. */
function trajectories(count: number): string {
  const folder = temporaryFolder();
  const group = 'datacol1_toykitchen1/put_corn_in_pot/00/2023-01-01_12-00-00/raw/traj_group0';
  for (let index = 0; index < count; index++) {
    cpSync(join(samples('bridge'), group, 'traj0'), join(folder, `traj${index}`), { recursive: true });
    writeFileSync(join(folder, `traj${index}`, 'lang.txt'), index === 0 ? '' : `move thing ${index}\n`);
  }
  return folder;
}

describeWithSamples('the episodes of an evaluation', () => {
  it('are drawn by the seed, and only they are opened, where every recording is one', async () => {
    const bridge = trajectories(12);
    const { set, opened } = await counted({ bridge });
    const { episodes, total } = await drawEpisodes(set, { count: 3, seed: 1 });
    const names = episodes.map(({ name }) => name);
    expect([names.length, total, opened.toSorted()]).toEqual([3, 12, names.toSorted()]);
    // In the data set's order.
    const places = names.map((name) => set.recordings.findIndex((recording) => recording.name === name));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    const again = await drawEpisodes(set, { count: 3, seed: 1 });
    expect(again.episodes.map(({ name }) => name)).toEqual(names);
    const drawn = new Set<string>();
    for (let seed = 2; seed < 12; seed++)
      drawn.add((await drawEpisodes(set, { count: 3, seed })).episodes.map(({ name }) => name).join());
    expect(drawn.size).toBeGreaterThan(5);
  });

  it('are as many as asked for, even where a drawn one cannot be read', async () => {
    const bridge = trajectories(3);
    const { set, opened } = await counted({ bridge });
    const { episodes, skipped } = await drawEpisodes(set, { count: 2, seed: 1 });
    expect(episodes.map(({ instruction }) => instruction)).toEqual(['move thing 1', 'move thing 2']);
    expect(skipped.length).toBe(opened.length - 2);
    const more = await drawEpisodes(set, { count: 5, seed: 1 });
    expect([more.episodes.length, more.skipped.map(({ reason }) => reason)]).toEqual([
      2,
      [expect.stringMatching(/traj0: no instruction in lang.txt$/)],
    ]);
  });

  it('are drawn from all of them where a recording may hold several', async () => {
    const topics = { image: '/camera/color/compressed', instruction: '/task' };
    const { set, opened } = await counted({ bags: samples('bags', 'compressed'), topics });
    const { episodes, total } = await drawEpisodes(set, { count: 3, seed: 1 });
    expect([episodes.length, total, opened.length]).toEqual([3, 4, 2]);
    expect((await drawEpisodes(set, { seed: 1 })).episodes).toHaveLength(4);
  });

  it('of videos are known before where each has one caption', async () => {
    const captions = join(temporaryFolder(), 'captions.json');
    writeFileSync(captions, JSON.stringify({ 100: 'red', 2: 'green' }));
    const { set, opened } = await counted({ videos: samples('videos', 'ssv2'), captions });
    await drawEpisodes(set, { count: 1, seed: 3 });
    expect(opened).toHaveLength(1);
  });
});
