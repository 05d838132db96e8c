/** `scores.json` in the folder of a saved run, where a report finds what was measured. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError } from '../errors.js';
import { parseConfig, readJson } from '../weights/model-component.js';
import type { RunScores } from './run-scores.js';
import type { SavedRun } from './saved-run.js';

/** JSON has no infinity: a PSNR of clips that are the truth is null. */
const infinite = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);
const interval = z.tuple([infinite, infinite]);
const intervals = z.object({ followingByColour: interval, meanRank: interval, meanMargin: interval });
const followed = z.object({
  following: z.number(),
  interval,
  followingByColour: z.number(),
  meanRank: z.number(),
  meanMargin: z.number(),
  count: z.int(),
  intervals,
});
const following = z.object({
  instructionFollowing: z.number(),
  chance: z.number(),
  commanded: followed,
  instructionFollowingMean: z.object({ mean: z.number(), interval }),
  perFamily: z.record(z.string(), followed.extend({ chance: z.number() })),
  heldOutWordings: followed.optional(),
  swapped: followed.extend({
    originalNearest: z.number(),
    intervals: intervals.extend({ originalNearest: interval }),
  }),
  blank: followed.optional(),
  copyFirstFollowing: z.number(),
  intervals: z.object({ chance: interval, copyFirstFollowing: interval }),
  sampleCount: z.int(),
  protocol: z.array(z.string()),
});
const score = z.object({
  name: z.string(),
  of: z.string(),
  value: infinite,
  interval: interval.optional(),
  intervalBy: z.enum(['bootstrap', 'jackknife']),
  unit: z.string(),
  protocol: z.string(),
  sampleCount: z.int(),
  resize: z.string(),
  weightsSha256: z.string().optional(),
  resamples: z.int(),
  seed: z.int(),
});
const scoresFile = z.object({
  run: z.object({
    sha256: z.string(),
    modelSha256: z.string(),
    data: z.string(),
    sampling: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  following: following.optional(),
  scores: z.array(score),
  notMeasured: z.array(z.object({ name: z.string(), protocol: z.string(), reason: z.string() })),
  psnrByFrame: z.array(infinite),
  sensitivity: z.array(
    z.object({
      kind: z.enum(['swapped', 'blank', 'another']),
      count: z.int(),
      byFrame: z.array(z.number()),
      byPlace: z.object({
        width: z.int().positive(),
        height: z.int().positive(),
        largest: z.number(),
        cells: z.string(),
      }),
    }),
  ),
  samples: z.array(
    z.object({
      name: z.string(),
      psnrByFrame: z.array(z.number().nullable()),
      psnr: infinite,
      ssim: z.number(),
      lpips: z.number().optional(),
    }),
  ),
});

const fileOf = (folder: string): string => join(folder, 'scores.json');

export async function writeScores({ folder }: SavedRun, scores: RunScores): Promise<void> {
  await writeFileAtomically(fileOf(folder), (file) => file.writeFile(`${JSON.stringify(scores, null, 1)}\n`));
}

/** Undefined where there are none. Errors: `invalid-data` where they cannot be read or are of another run. */
export function readScores({ folder, sha256 }: SavedRun): RunScores | undefined {
  const file = fileOf(folder);
  if (!existsSync(file)) return undefined;
  let scores: z.infer<typeof scoresFile>;
  try {
    scores = parseConfig(scoresFile, readJson(file), file);
  } catch (cause) {
    throw new AidError('invalid-data', `${(cause as Error).message}; "aid score" makes it anew`, { cause });
  }
  if (scores.run.sha256 !== sha256)
    throw new AidError(
      'invalid-data',
      `${file}: of another run than the one that is there now (model ${scores.run.modelSha256.slice(0, 12)}, ${scores.run.data}); "aid score" makes it anew`,
    );
  return scores as RunScores;
}
