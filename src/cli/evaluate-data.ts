/** `aid evaluate --data`: a model on recorded episodes. */
import { evaluateEpisodes } from '../planner/evaluation/evaluate-episodes.js';
import type { SamplingChoice } from '../planner/evaluation/sampling-settings.js';
import { type RunWriter, readSavedRun } from '../planner/evaluation/saved-run.js';
import { scoreRun } from '../planner/evaluation/score.js';
import { detectData } from '../planner/training/data/detect-data.js';
import { readDataConfig } from '../planner/training/run-config.js';
import type { VideoPlanner } from '../planner/video-planner.js';
import type { Progress } from './progress.js';
import { scoreLines } from './score-table.js';
import { note, say, sayJson } from './terminal.js';

export interface EvaluateDataFlags {
  readonly episodes?: number;
  readonly given?: number;
  readonly json?: true;
  readonly sampling: SamplingChoice;
}

const SHOWN = 8;

/** Imagines, saves and scores; `source` is a config file or a folder. */
export async function evaluateData(
  planner: VideoPlanner,
  source: string,
  writer: RunWriter,
  { episodes, given, json, sampling }: EvaluateDataFlags,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const data = source.endsWith('.json') ? readDataConfig(source).data : detectData(source);
  for await (const event of evaluateEpisodes(planner, {
    data,
    writer,
    episodes,
    givenFrames: given,
    sampling,
    abortSignal,
  })) {
    if (event.kind === 'clip') progress.step(event.done, event.total, 'imagining clips');
    else {
      progress.end();
      for (const { reason } of event.skipped.slice(0, SHOWN)) note(`aid: skipped: ${reason}`);
      if (event.skipped.length > SHOWN)
        note(`aid: ${event.skipped.length - SHOWN} more skipped, see aid data inspect`);
    }
  }
  const run = readSavedRun(writer.folder);
  const scores = await scoreRun(run, { abortSignal });
  if (json === true) sayJson(scores);
  else for (const line of scoreLines(run, scores)) say(line);
}
