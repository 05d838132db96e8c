import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EvaluationEvent, evaluate, type MeasuredScene } from '#planner/evaluation/evaluate.js';
import { endSceneRun } from '#planner/evaluation/save-scenes.js';
import { RunWriter, readSavedClip, readSavedRun } from '#planner/evaluation/saved-run.js';
import { ClipsJournal, FiguresJournal } from '#planner/evaluation/scene-journal.js';
import { emptyFolder } from './fake-sim.js';
import { copyFirst, fakePlanner, fakeSet, greyScene } from './fakes.js';

const SCENES = [0, 1, 2, 3].map((index) =>
  greyScene(10_000 + index, { clip: [index, 10, 20, 30 + index], others: [5, 90] }),
);
const FACTS = { model: 'a', seeds: 4 };

const figures = (folder: string, facts: unknown): Promise<FiguresJournal | ClipsJournal> =>
  FiguresJournal.open(folder, facts);
const clips = async (folder: string, facts: unknown): Promise<ClipsJournal> =>
  new ClipsJournal(await RunWriter.open<MeasuredScene>(folder, facts));

/** Evaluates until that many scenes are new, or to the end; the events, and the seeds of the clips imagined. */
async function evaluated(
  folder: string,
  until = Number.POSITIVE_INFINITY,
  facts: unknown = FACTS,
  open = figures,
) {
  const journal = await open(folder, facts);
  const known = journal.size;
  const planner = fakePlanner(SCENES, copyFirst);
  const events: EvaluationEvent[] = [];
  let scenes = 0;
  for await (const event of evaluate(planner, { set: fakeSet(SCENES), journal })) {
    events.push(event);
    // A scene is noted once the one who listens asks for more.
    if (event.kind === 'clip' && scenes === until) break;
    if (event.kind === 'scene') scenes += 1;
  }
  const end = events.at(-1);
  if (end?.kind === 'end' && journal instanceof ClipsJournal)
    await endSceneRun(journal.writer, end.report, 4);
  await journal.close();
  const imagined = new Set(planner.requests.map(({ seed = 0 }) => Math.floor(seed / 1000)));
  return { events, imagined: [...imagined], known, end };
}

/** Without what the clock says. */
const plain = (event: EvaluationEvent | undefined): unknown =>
  JSON.parse(
    JSON.stringify(event, (key, value) =>
      key === 'ms' || key === 'speed' || key === 'timings' ? undefined : value,
    ),
  );

const fileIn = (folder: string): string => join(folder, readdirSync(folder)[0] as string);

describe('the journal of an evaluation', () => {
  it('lets one that was stopped go on, with the figures of one that was not', async () => {
    const folder = emptyFolder();
    await evaluated(folder, 2);
    const { events, imagined, known, end } = await evaluated(folder);
    expect(known).toBe(2);
    expect(imagined).toEqual([10_002, 10_003]);
    expect(plain(end)).toEqual(plain((await evaluated(emptyFolder())).end));
    const clips = events.flatMap((event) => (event.kind === 'clip' ? [event.done] : []));
    expect(clips).toEqual([...clips].sort((a, b) => a - b));
    expect(clips.at(-1)).toBe(events.find((event) => event.kind === 'clip')?.total);
  });

  it('keeps the clips of one that was stopped, and saves the run that one that was not stopped saves', async () => {
    const [stopped, whole] = [join(emptyFolder(), 'run'), join(emptyFolder(), 'run')];
    await evaluated(stopped, 2, FACTS, clips);
    expect(() => readSavedRun(stopped)).toThrow('no run.json');
    const { imagined, known } = await evaluated(stopped, undefined, FACTS, clips);
    expect([known, imagined]).toEqual([2, [10_002, 10_003]]);
    await evaluated(whole, undefined, FACTS, clips);
    const [a, b] = [readSavedRun(stopped), readSavedRun(whole)];
    expect({ ...a, folder: '' }).toEqual({ ...b, folder: '' });
    for (const { truth, clips: made } of a.samples)
      for (const file of [truth, ...made.map((clip) => clip.file)])
        expect(await readSavedClip(a, file)).toEqual(await readSavedClip(b, file));
  });

  it('does without a line that was cut short', async () => {
    const folder = emptyFolder();
    await evaluated(folder, 2);
    const file = fileIn(folder);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
    const { imagined, end } = await evaluated(folder);
    expect(imagined).toEqual([10_001, 10_002, 10_003]);
    expect(plain(end)).toEqual(plain((await evaluated(emptyFolder())).end));
    expect((await evaluated(folder)).imagined).toEqual([]);
    appendFileSync(file, 'half');
    expect((await evaluated(folder)).imagined).toEqual([]);
  });

  it('is kept apart for another model or other settings, and gone when it is removed', async () => {
    const folder = emptyFolder();
    await evaluated(folder, 2);
    expect((await evaluated(folder, 1, { ...FACTS, model: 'b' })).known).toBe(0);
    const journal = await FiguresJournal.open(folder, FACTS);
    await journal.remove();
    await journal.close();
    expect((await evaluated(folder, 1)).known).toBe(0);
  });

  it('belongs to one process at a time', async () => {
    const folder = emptyFolder();
    const journal = await FiguresJournal.open(folder, FACTS);
    await expect(FiguresJournal.open(folder, FACTS)).rejects.toThrow(
      `this evaluation: in use by process ${process.pid} since`,
    );
    await journal.close();
    await (await FiguresJournal.open(folder, FACTS)).close();
  });
});
