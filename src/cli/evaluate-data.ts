/** `aid evaluate --data`: a model on recorded episodes. */
import { join } from 'node:path';
import {
  type EpisodeMemo,
  type EvaluateEpisodesOptions,
  evaluateEpisodes,
} from '../planner/evaluation/evaluate-episodes.js';
import type { SamplingChoice } from '../planner/evaluation/sampling-settings.js';
import { RunWriter, readSavedRun } from '../planner/evaluation/saved-run.js';
import { scoreRun } from '../planner/evaluation/score.js';
import type { DataConfig } from '../planner/training/data/data-config.js';
import { openEpisodes } from '../planner/training/data/open-episodes.js';
import type { VideoPlanner } from '../planner/video-planner.js';
import { isAborted } from './failure.js';
import type { Progress } from './progress.js';
import { scoreLines } from './score-table.js';
import { note, say, sayJson } from './terminal.js';
import { noteWarnings } from './warnings.js';

export interface EvaluateDataOptions {
  readonly data: DataConfig;
  readonly save: string;
  /** What all that the model imagines follows from. */
  readonly facts: unknown;
  readonly episodes?: number;
  readonly given?: number;
  readonly json?: true;
  readonly sampling: SamplingChoice;
}

const SHOWN = 8;

/** Imagines, saves and scores. */
export async function evaluateData(
  planner: VideoPlanner,
  { data, save, facts, episodes, given, json, sampling }: EvaluateDataOptions,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const set = await openEpisodes(data);
  // Episodes that were rewritten in the meantime are not those that an evaluation that was stopped has seen.
  const recordings = set.recordings.map(({ id, stamp }) => [id, stamp]);
  const decisive = { facts, data, recordings, episodes, given, sampling };
  const writer = await RunWriter.open<EpisodeMemo>(save, decisive);
  if (writer.size > 0) note(`${writer.size} episodes are known from an evaluation that was stopped`);
  try {
    await imagineEpisodes(
      planner,
      { set, writer, episodes, givenFrames: given, sampling, abortSignal },
      progress,
    );
  } catch (error) {
    if (isAborted(error)) note('aid: the same command goes on from here');
    throw error;
  } finally {
    await writer.close();
  }
  const run = readSavedRun(save);
  noteWarnings(run.warnings, join(save, 'run.json'));
  const scores = await scoreRun(run, { abortSignal });
  if (json === true) sayJson(scores);
  else for (const line of scoreLines(run, scores)) say(line);
}

async function imagineEpisodes(
  planner: VideoPlanner,
  options: EvaluateEpisodesOptions,
  progress: Progress,
): Promise<void> {
  for await (const event of evaluateEpisodes(planner, options)) {
    if (event.kind === 'clip') progress.step(event.done, event.total, 'imagining clips');
    else {
      progress.end();
      for (const { reason } of event.skipped.slice(0, SHOWN)) note(`aid: skipped: ${reason}`);
      if (event.skipped.length > SHOWN)
        note(`aid: ${event.skipped.length - SHOWN} more skipped, see aid data inspect`);
    }
  }
}
