/** `aid evaluate --data`: a model on recorded episodes. */
import {
  type EpisodeMemo,
  type EvaluateEpisodesOptions,
  evaluateEpisodes,
} from '../planner/evaluation/evaluate-episodes.js';
import type { SamplingChoice } from '../planner/evaluation/sampling-settings.js';
import { RunWriter, readSavedRun } from '../planner/evaluation/saved-run.js';
import { scoreRun } from '../planner/evaluation/score.js';
import { detectData } from '../planner/training/data/detect-data.js';
import { readDataConfig } from '../planner/training/run-config.js';
import type { VideoPlanner } from '../planner/video-planner.js';
import { isAborted } from './failure.js';
import type { Progress } from './progress.js';
import { scoreLines } from './score-table.js';
import { note, say, sayJson } from './terminal.js';

export interface EvaluateDataOptions {
  /** A config file or a folder. */
  readonly source: string;
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
  { source, save, facts, episodes, given, json, sampling }: EvaluateDataOptions,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const data = source.endsWith('.json') ? readDataConfig(source).data : detectData(source);
  const writer = await RunWriter.open<EpisodeMemo>(save, { facts, data, episodes, given, sampling });
  if (writer.size > 0) note(`${writer.size} episodes are known from an evaluation that was stopped`);
  try {
    await imagineEpisodes(
      planner,
      { data, writer, episodes, givenFrames: given, sampling, abortSignal },
      progress,
    );
  } catch (error) {
    if (isAborted(error)) note('aid: the same command goes on from here');
    throw error;
  } finally {
    await writer.close();
  }
  const run = readSavedRun(save);
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
