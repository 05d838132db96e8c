/** What a row of an ablation came to, scene by scene: rows are compared on the same ones. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomically } from '../../atomic-file.js';
import { mean } from '../../mean.js';
import type { HeldOutLoss } from '../../training/held-out-loss.js';
import { isFollowed } from '../following.js';
import { commandedOf, psnrOf, ssimOf } from '../likeness-figures.js';
import type { EvaluationReport } from '../report.js';
import type { SceneResult } from '../scene-result.js';
import type { AblationRow } from './rows.js';

export interface AblationResult extends Pick<AblationRow, 'name' | 'label' | 'tables'> {
  /** None of a row that is not trained, as its steps. */
  readonly trainedNumbers: number;
  readonly steps: number;
  readonly modelSha256: string;
  readonly numInferenceSteps: number;
  readonly scenes: readonly SceneFigures[];
  readonly chance: number;
  /** Of the first frame, shown all the time. */
  readonly copyFirst: Reference;
  /** Of the truth through the autoencoder. */
  readonly ceiling: Reference;
}

export interface SceneFigures {
  readonly seed: number;
  /** The denoising loss of the true clip with its own command, mean over the noise levels. */
  readonly loss: number;
  /** The loss with another command of the scene minus that: above zero where the command is used. */
  readonly gain: number;
  /** Whether the command's first clip ends as it should; of `swapped`, another command's clip. */
  readonly followed: boolean;
  readonly swappedFollowed: boolean;
  /** dB. Mean of the command's clips, as `ssim`. */
  readonly psnr: number;
  readonly ssim: number;
}

/** What a row is measured against. */
export interface Reference {
  readonly following: number;
  readonly psnr: number;
  readonly ssim: number;
}

/** `losses` are those of the same scenes. */
export function ablationResult(
  { name, label, tables }: AblationRow,
  training: Pick<AblationResult, 'trainedNumbers' | 'steps'>,
  report: EvaluationReport,
  results: readonly SceneResult[],
  losses: readonly HeldOutLoss[],
): AblationResult {
  const lossOf = new Map(losses.map((loss) => [loss.seed, loss]));
  return {
    name,
    label,
    tables,
    ...training,
    modelSha256: report.model.sha256,
    numInferenceSteps: report.sampling.numInferenceSteps,
    scenes: results.map((result) => figuresOf(result, lossOf.get(result.seed) as HeldOutLoss)),
    chance: report.chance,
    copyFirst: {
      following: report.copyFirstFollowing,
      psnr: report.copyFirstPsnr,
      ssim: report.copyFirstSsim,
    },
    ceiling: { following: report.ceilingFollowing, psnr: report.ceilingPsnr, ssim: report.ceilingSsim },
  };
}

function figuresOf(result: SceneResult, { own, other }: HeldOutLoss): SceneFigures {
  const commanded = commandedOf(result);
  const follows = (kind: 'commanded' | 'swapped'): boolean =>
    result.clips
      .filter((clip) => clip.kind === kind)
      .slice(0, 1)
      .some(isFollowed);
  return {
    seed: result.seed,
    loss: own,
    gain: other - own,
    followed: follows('commanded'),
    swappedFollowed: follows('swapped'),
    psnr: mean(commanded.map(psnrOf)),
    ssim: mean(commanded.map(ssimOf)),
  };
}

/** The stored one, undefined where it follows from something else than `fingerprint` stands for. */
export function readResult(file: string, fingerprint: string): AblationResult | undefined {
  if (!existsSync(file)) return undefined;
  const stored = JSON.parse(readFileSync(file, 'utf8')) as { fingerprint: string; result: AblationResult };
  return stored.fingerprint === fingerprint ? stored.result : undefined;
}

/** `report` is kept beside the result. */
export async function writeResult(
  file: string,
  fingerprint: string,
  result: AblationResult,
  report: EvaluationReport,
): Promise<void> {
  await writeFileAtomically(file, (handle) =>
    handle.writeFile(`${JSON.stringify({ fingerprint, result, report }, null, 1)}\n`),
  );
}
