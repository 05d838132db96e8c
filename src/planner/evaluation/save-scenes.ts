/** Keeps what an evaluation on simulated scenes imagined. */
import type { EvaluationEvent } from './evaluate.js';
import { verdictOn } from './instruction-following.js';
import type { EvaluationReport } from './report.js';
import type { RunWriter, SampleToSave, SavedRunFile } from './saved-run.js';

export const sceneName = (seed: number): string => `scene ${seed}`;

/** Every clip but a sweep's, those of the command from the second on as `another`; the true outcomes. */
export function sceneToSave({
  scene,
  result,
  imagined,
}: Extract<EvaluationEvent, { kind: 'scene' }>): SampleToSave {
  const clips: SampleToSave['clips'][number][] = [];
  for (const [index, { kind, instruction, command, seed, distances }] of result.clips.entries()) {
    if (kind === 'sweep') continue;
    const { followed } = verdictOn(distances.pixels, command);
    clips.push({
      kind: kind === 'commanded' && clips.length > 0 ? 'another' : kind,
      instruction,
      command,
      seed,
      frames: imagined[index] ?? [],
      ...(kind === 'blank' ? {} : { followed }),
    });
  }
  const { commanded } = result;
  const commands = result.commands.map(({ family, instruction }) => ({ family, instruction }));
  const { family = '', instruction = '' } = commands[commanded] ?? {};
  const outcomes = { commands, commanded, frames: scene.outcomes };
  return { name: sceneName(scene.seed), instruction, family, truth: scene.clip, clips, outcomes };
}

export async function endSceneRun(
  writer: RunWriter<unknown>,
  report: EvaluationReport,
  numFrames: number,
): Promise<void> {
  const { model, engine, sampling, statesWrittenBy, scenes, protocol, warnings, video } = report;
  const { from, to } = scenes.seeds;
  const about: Omit<SavedRunFile, 'format' | 'samples'> = {
    data: `${scenes.count} scenes of the seeds ${from}:${to}, ${scenes.generator}, ${scenes.variant}`,
    model: { path: model.path, sha256: model.sha256 },
    engine,
    sampling: { ...sampling },
    statesWrittenBy,
    video: { ...video, numFrames, givenFrames: 1 },
    protocol: [...protocol],
    warnings: [...warnings],
  };
  await writer.end(about);
}
