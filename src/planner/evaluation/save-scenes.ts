/** Keeps what an evaluation on simulated scenes imagined. */
import type { EvaluationEvent } from './evaluate.js';
import { verdictOn } from './instruction-following.js';
import type { EvaluationReport } from './report.js';
import type { RunWriter, SampleToSave, SavedClipKind, SavedRunFile } from './saved-run.js';

export const sceneName = (seed: number): string => `scene ${seed}`;

/** The first clip of each kind, the second of the command as `another`; a sweep's are not kept. */
export function sceneToSave({
  scene,
  result,
  imagined,
}: Extract<EvaluationEvent, { kind: 'scene' }>): SampleToSave {
  const seen = new Set<SavedClipKind>();
  const clips: SampleToSave['clips'][number][] = [];
  for (const [index, clip] of result.clips.entries()) {
    if (clip.kind === 'sweep') continue;
    const kind = clip.kind === 'commanded' && seen.has('commanded') ? 'another' : clip.kind;
    if (seen.has(kind)) continue;
    seen.add(kind);
    const { followed } = verdictOn(clip.distances.pixels, clip.command);
    const { instruction, seed } = clip;
    clips.push({
      kind,
      instruction,
      seed,
      frames: imagined[index] ?? [],
      ...(kind === 'blank' ? {} : { followed }),
    });
  }
  const { family = '', instruction = '' } = result.commands[result.commanded] ?? {};
  return { name: sceneName(scene.seed), instruction, family, truth: scene.clip, clips };
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
