/** `aid record`: imagines a clip and writes it into a bag with all that is needed to imagine it again. */
import { existsSync, statSync } from 'node:fs';
import { Command, Option } from 'commander';
import { decodeFrame } from '../planner/conditioning/frame.js';
import { checkInstruction } from '../planner/conditioning/instruction.js';
import { shortSeed } from '../planner/drawn-seed.js';
import { AidError } from '../planner/errors.js';
import type { ChosenProvider } from '../planner/runtime/engine-options.js';
import { VideoPlanner } from '../planner/video-planner.js';
import { clipMessage, imageFromFrame, readCameraInfo, writeClipBag } from '../sdk/messages/index.js';
import { randomPlanId } from '../sdk/messages/plan-id.js';
import { timeFromNs } from '../sdk/messages/time.js';
import { interruptible } from './interruption.js';
import { PROVIDERS, wholeNumber } from './options.js';
import { modelFolder } from './package.js';
import { progressLine } from './progress.js';
import { type SamplingFlags, samplingOf, withSampling } from './sampling-options.js';
import { note, say, shownPath } from './terminal.js';
import { checkWritable } from './writable.js';

interface RecordFlags extends SamplingFlags {
  readonly out: string;
  readonly force?: true;
  readonly seed?: number;
  readonly cameraInfo?: string;
  readonly model?: string;
  readonly provider: ChosenProvider;
}

export function recordCommand(): Command {
  return withSampling(
    new Command('record')
      .description('imagine a clip into an MCAP bag that aid play, Foxglove and ros2 bag open')
      .argument('<frame>', 'what the camera sees: a JPEG, PNG or WebP file')
      .argument('<command>', 'what the arm is told')
      .requiredOption('--out <file>', 'the bag, such as clip.mcap')
      .option('--force', 'replace a bag of that name')
      .option('--seed <n>', 'the same seed gives the same clip (default: drawn)', wholeNumber(0)),
  )
    .option('--camera-info <file>', "the camera's calibration, a YAML file of ROS's camera_calibration")
    .option('--model <dir>', 'model folder (default: the one in this package)')
    .addOption(new Option('--provider <name>', 'what computes').choices(PROVIDERS).default('auto'))
    .action((frame: string, command: string, flags: RecordFlags) =>
      interruptible((abortSignal) => record(frame, command, flags, abortSignal)),
    );
}

async function record(
  file: string,
  command: string,
  flags: RecordFlags,
  abortSignal: AbortSignal,
): Promise<void> {
  const instruction = checkInstruction(command);
  const frame = await decodeFrame(file);
  checkWritable(flags.out);
  if (existsSync(flags.out)) {
    if (statSync(flags.out).isDirectory())
      throw new AidError('invalid-argument', `${flags.out}: expected a file to write, got a folder`);
    if (flags.force !== true)
      throw new AidError('invalid-argument', `${flags.out}: is there already; --force replaces it`);
  }
  const header = { stamp: timeFromNs(BigInt(Date.now()) * 1_000_000n), frame_id: 'camera' };
  const cameraInfo =
    flags.cameraInfo === undefined ? undefined : await readCameraInfo(flags.cameraInfo, header);
  const progress = progressLine();
  try {
    const model = modelFolder(flags.model);
    progress.phase(`loading ${shownPath(model)}`);
    const planner = await VideoPlanner.load(model, { provider: flags.provider, abortSignal });
    try {
      const seed = flags.seed ?? shortSeed();
      const request = { ...samplingOf(flags), frames: [frame], instruction, seed, abortSignal };
      for await (const event of planner.imagine(request)) {
        if (event.kind === 'step') progress.step(event.step, event.steps, 'imagining');
        if (event.kind !== 'end') continue;
        const clip = await clipMessage(
          { frames: event.frames, report: event.report, rank: 0, score: 0, confidence: [] },
          {
            header,
            planId: randomPlanId(),
            generatedAt: timeFromNs(BigInt(Date.now()) * 1_000_000n),
            picture: frame,
            cameraInfo,
            format: 'rgb8',
          },
        );
        await writeClipBag(flags.out, { images: [imageFromFrame(frame, header)], clip, cameraInfo });
        progress.end();
        for (const warning of event.report.warnings) note(`aid: warning: ${warning}`);
        say(`recorded "${instruction}", seed ${seed}: ${shownPath(flags.out)}`);
      }
    } finally {
      await planner.dispose();
    }
  } finally {
    progress.end();
  }
}
