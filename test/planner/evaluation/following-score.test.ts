import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scoreLines } from '#cli/score-table.js';
import { evaluate, type MeasuredScene } from '#planner/evaluation/evaluate.js';
import type { EvaluationReport } from '#planner/evaluation/report.js';
import { endSceneRun } from '#planner/evaluation/save-scenes.js';
import { RunWriter, readSavedClip, readSavedRun, type SavedRun } from '#planner/evaluation/saved-run.js';
import { ClipsJournal } from '#planner/evaluation/scene-journal.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { readScores, writeScores } from '#planner/evaluation/scores-file.js';
import { sharedFolder, temporaryFolder } from '../training/tiny-runs.js';
import { fakePlanner, fakeSet, grey, greyScene, type Imagination, truth } from './fakes.js';

const SCENES = [0, 1, 2, 3].map((index) =>
  greyScene(10_000 + index, {
    clip: [index, 10, 20, 30 + index],
    others: index === 3 ? [90] : [5, 90],
    family: index < 2 ? 'put' : 'stack',
  }),
);
const folder = join(sharedFolder(), 'run');

/** Right in even scenes with the first seed, otherwise with the other seeds; seed k ends k levels brighter. */
const uneven: Imagination = (scene, request) => {
  const k = (request.seed ?? 0) % 1000;
  const right = (scene.seed % 2 === 0) === (k === 0);
  const clip = right ? truth(scene, request) : scene.clip.map(() => grey(5));
  return [...clip.slice(0, -1), grey((clip.at(-1)?.data[0] ?? 0) + k)];
};

async function saved(where: string, sampling = {}): Promise<EvaluationReport> {
  const writer = await RunWriter.open<MeasuredScene>(where, 'facts');
  const options = { set: fakeSet(SCENES), seeds: 4, journal: new ClipsJournal(writer), ...sampling };
  for await (const event of evaluate(fakePlanner(SCENES, uneven), options)) {
    if (event.kind !== 'end') continue;
    await endSceneRun(writer, event.report, 4);
    await writer.close();
    return event.report;
  }
  throw new Error('no end');
}

let report: EvaluationReport;
let run: SavedRun;
beforeAll(async () => {
  report = await saved(folder);
  run = readSavedRun(folder);
});

describe('following of a saved run', () => {
  it('is what the evaluation said of it, number by number', async () => {
    const { following } = await scoreRun(run);
    expect(following).toMatchObject({
      instructionFollowing: 0.75,
      chance: (3 / 3 + 1 / 2) / 4,
      instructionFollowingMean: report.instructionFollowingMean,
      commanded: report.commanded,
      heldOutWordings: report.heldOutWordings,
      swapped: report.swapped,
      copyFirstFollowing: report.copyFirstFollowing,
      sampleCount: 4,
    });
    const { psnr, intervals, ...blank } = report.blank ?? {};
    const { psnr: _, ...ofBlank } = intervals ?? {};
    expect(psnr).toBeGreaterThan(0);
    expect(following?.blank).toEqual({ ...blank, intervals: ofBlank });
    for (const [family, figures] of Object.entries(report.perFamily)) {
      const { psnrMean: _, intervals: __, ...ofFamily } = figures;
      expect(following?.perFamily[family]).toMatchObject(ofFamily);
    }
    expect(report.protocol).toEqual(expect.arrayContaining([...(following?.protocol ?? [])]));
    expect(report.instructionFollowingMean.mean).not.toBe(report.instructionFollowing);
  });

  it('needs no verdict of the evaluation, only the pictures', async () => {
    const samples = run.samples.map((sample) => ({
      ...sample,
      clips: sample.clips.map(({ followed: _, ...clip }) => clip),
    }));
    const { following } = await scoreRun({ ...run, samples });
    expect(following?.commanded).toEqual(report.commanded);
  });

  it('is kept in scores.json', async () => {
    const scores = await scoreRun(run);
    await writeScores(run, scores);
    expect(readScores(run)).toEqual(scores);
  });

  it('is told to people as the evaluation tells it', async () => {
    const lines = scoreLines(run, await scoreRun(run));
    expect(lines.find((line) => line.startsWith('instruction following'))).toMatch(
      / 75.0 % .* to .* % .* 4 /,
    );
    expect(lines.find((line) => line.startsWith('chance'))).toContain('37.5 %');
  });

  it('is absent where the outcomes are not known, as in runs of an older version', async () => {
    const samples = run.samples.map(({ outcomes: _, ...sample }) => sample);
    expect(await scoreRun({ ...run, samples })).not.toHaveProperty('following');
  });
});

describe('a saved run of scenes', () => {
  it('keeps the clips of every seed, and what truly happens under every command', async () => {
    expect(run.samples[0]?.clips.map(({ kind, seed, command }) => [kind, seed, command])).toEqual([
      ['commanded', 10_000_000, 0],
      ['another', 10_000_001, 0],
      ['another', 10_000_002, 0],
      ['another', 10_000_003, 0],
      ['heldOut', 10_000_000, 0],
      ['swapped', 10_000_000, expect.any(Number)],
      ['blank', 10_000_000, 0],
    ]);
    for (const [k, { file }] of (run.samples[0]?.clips ?? []).slice(0, 4).entries())
      expect((await readSavedClip(run, file)).at(-1)?.data[0]).toBe(k === 0 ? 30 : 5 + k);
    expect(run.samples[3]?.outcomes).toMatchObject({
      commanded: 0,
      commands: [
        { family: 'stack', instruction: 'command 0 of 10003' },
        { family: 'other', instruction: 'command 1 of 10003' },
      ],
    });
  });

  it('says which of its pictures is missing', async () => {
    const broken = join(temporaryFolder(), 'run');
    await saved(broken);
    const other = readSavedRun(broken);
    rmSync(join(broken, 'clips', other.samples[0]?.outcomes?.file ?? ''));
    await expect(scoreRun(other)).rejects.toThrow(/00000-outcomes.png/);
  });
});
