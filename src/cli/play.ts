/** `aid play`: imagines the clips of a bag again and says whether they came out the same. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AidError } from '../planner/errors.js';
import { EXECUTION_PROVIDERS } from '../planner/runtime/engine.js';
import type { ChosenProvider } from '../planner/runtime/engine-options.js';
import { VideoPlanner } from '../planner/video-planner.js';
import { type ClipBag, framesOfClip, readClipBag, requestOfClip } from '../sdk/messages/index.js';
import { interruptible } from './interruption.js';
import { PROVIDERS } from './options.js';
import { modelFolder } from './package.js';
import { say, sayJson, shownPath } from './terminal.js';

interface PlayFlags {
  readonly model?: string;
  readonly provider?: ChosenProvider;
  readonly json?: true;
}

interface Comparison {
  readonly instruction: string;
  readonly seed: number;
  /** Lossy formats cannot be compared bit for bit. */
  readonly format: 'lossless' | 'lossy';
  readonly identical: boolean;
  /** The largest difference of a colour, 0 to 255. */
  readonly largestDifference: number;
}

export function playCommand(): Command {
  return new Command('play')
    .description('imagine the clips of a bag again, and compare them bit for bit')
    .argument('<bag>', 'an MCAP bag with clips and the camera images that they start from')
    .option('--model <dir>', 'model folder (default: the one in this package); it has to be the same model')
    .addOption(
      new Option('--provider <name>', 'what computes (default: what made the clips)').choices(PROVIDERS),
    )
    .option('--json', 'print the comparison as JSON and nothing else')
    .action((bag: string, flags: PlayFlags) => interruptible((abortSignal) => play(bag, flags, abortSignal)));
}

async function play(path: string, flags: PlayFlags, abortSignal: AbortSignal): Promise<void> {
  const bags = await readClipBag(resolve(path));
  const model = modelFolder(flags.model);
  const provider = flags.provider ?? providerOf(bags);
  const planner = await VideoPlanner.load(model, { provider, abortSignal });
  const results: Comparison[] = [];
  try {
    for (const bag of bags) {
      if (bag.clip.model_sha256 !== planner.sha256)
        throw new AidError(
          'invalid-model-folder',
          `${shownPath(model)}: expected the model ${bag.clip.model_id} with SHA-256 ${bag.clip.model_sha256}, got ${planner.sha256}`,
        );
      results.push(await compare(planner, bag, abortSignal));
    }
  } finally {
    await planner.dispose();
  }
  if (flags.json === true) sayJson(results);
  else
    for (const { instruction, seed, identical, largestDifference, format } of results)
      say(
        `"${instruction}", seed ${seed}: ${
          identical
            ? 'the same, bit for bit'
            : `not the same: colours differ by up to ${largestDifference} of 255${format === 'lossy' ? '; the bag holds JPEG or WebP' : ''}`
        }`,
      );
  if (results.some(({ identical }) => !identical)) process.exitCode = 1;
}

/** Others compute with other last bits. A server's cannot be asked for from here. */
function providerOf([first]: readonly ClipBag[]): ChosenProvider {
  const made = EXECUTION_PROVIDERS.find((provider) => provider === first?.clip.execution_provider);
  return made ?? 'auto';
}

async function compare(planner: VideoPlanner, bag: ClipBag, abortSignal: AbortSignal): Promise<Comparison> {
  const request = await requestOfClip(bag);
  const recorded = await framesOfClip(bag.clip);
  let largestDifference = recorded.length === request.numFrames ? 0 : 255;
  for await (const event of planner.imagine({ ...request, abortSignal })) {
    if (event.kind !== 'frame') continue;
    const other = recorded[event.index]?.data;
    if (other?.length !== event.frame.data.length) largestDifference = 255;
    else
      event.frame.data.forEach((value, i) => {
        largestDifference = Math.max(largestDifference, Math.abs(value - (other[i] ?? 0)));
      });
  }
  const lossy = bag.clip.compressed_frames.some(({ format }) => format !== 'png');
  const format = lossy ? 'lossy' : 'lossless';
  const { instruction, seed } = bag.clip;
  return { instruction, seed: Number(seed), format, identical: largestDifference === 0, largestDifference };
}
