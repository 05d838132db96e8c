/** `aid imagine`: from one camera frame and one command to clips of the arm doing it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { decodeFrame, type Frame } from '../planner/conditioning/frame.js';
import { checkInstruction } from '../planner/conditioning/instruction.js';
import { MllmStatePrompter } from '../planner/conditioning/mllm-state-prompter.js';
import type { StateTexts } from '../planner/conditioning/state-prompter.js';
import { shortSeed } from '../planner/drawn-seed.js';
import { AidError } from '../planner/errors.js';
import type { ImagineRequest } from '../planner/imagination/request.js';
import type { ChosenProvider } from '../planner/runtime/engine-options.js';
import { OpenInferenceEngine } from '../planner/runtime/open-inference-protocol/open-inference-engine.js';
import { VideoPlanner } from '../planner/video-planner.js';
import { MAX_CANDIDATES } from '../sdk/max-candidates.js';
import { type Clip, type ClipDocument, writeClip } from './clip-files.js';
import { interruptible } from './interruption.js';
import { PROVIDERS, stateTexts, threadCount, wholeNumber } from './options.js';
import { checkOutputFolder, freePath, writeFolderAtomically } from './output-folder.js';
import { modelFolder, packageVersion } from './package.js';
import { type Progress, progressLine, silence } from './progress.js';
import { type SamplingFlags, samplingOf, withSampling } from './sampling-options.js';
import { slug } from './slug.js';
import { note, say, sayJson, shownPath } from './terminal.js';

interface ImagineFlags extends SamplingFlags {
  readonly out?: string;
  readonly force?: true;
  readonly seed?: number;
  readonly candidates: number;
  readonly frames?: number;
  readonly states?: StateTexts;
  readonly stateEndpoint?: string;
  readonly stateModel: string;
  readonly model?: string;
  readonly provider: ChosenProvider;
  readonly threads?: number;
  readonly server?: string;
  readonly preview?: true;
  readonly json?: true;
}

/** A clip as `--json` prints it: what its `clip.json` holds, and the folder of that. */
type ClipResult = ClipDocument & { readonly out: string };

export function imagineCommand(): Command {
  return withSampling(
    new Command('imagine')
      .description('imagine the video of the arm doing what it is told')
      .argument('<frame>', 'what the camera sees: a JPEG, PNG or WebP file')
      .argument('<command>', 'what the arm is told, such as "put the red cube on the blue plate"')
      .option('--out <dir>', 'folder for the result (default: out/COMMAND-seed-SEED)')
      .option('--force', 'replace an earlier result in that folder')
      .option('--seed <n>', 'the same seed gives the same clip (default: drawn, and told)', wholeNumber(0))
      .option(
        '--candidates <n>',
        'clips with seeds SEED, SEED + 1, ..., a subfolder each',
        wholeNumber(1, MAX_CANDIDATES),
        1,
      ),
  )
    .option('--frames <n>', 'length of the clip (default: as the model says)', wholeNumber(1))
    .option('--states <texts>', 'four states on the way, "a|b|c|d", instead of generated ones', stateTexts)
    .option(
      '--state-endpoint <url>',
      'let a multimodal model behind an OpenAI-compatible endpoint write the states; AID_STATE_API_KEY is its key',
    )
    .option('--state-model <name>', 'its name there', 'llava')
    .option('--model <dir>', 'model folder (default: the one in this package)')
    .addOption(new Option('--provider <name>', 'what computes').choices(PROVIDERS).default('auto'))
    .option('--threads <n>', 'threads on the CPU (default: all cores)', threadCount)
    .option('--server <url>', 'let a server compute, grpc://host:port, that has what aid export wrote')
    .option('--preview', 'also write steps.png: the last frame as each denoising step foresees it')
    .option('--json', 'print what was run as JSON and nothing else')
    .action((frame: string, command: string, flags: ImagineFlags) =>
      interruptible(async (abortSignal) => {
        const progress = flags.json === true ? silence : progressLine();
        try {
          await imagine(frame, command, flags, progress, abortSignal);
        } finally {
          progress.end();
        }
      }),
    );
}

async function imagine(
  file: string,
  command: string,
  flags: ImagineFlags,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  // Whatever can be wrong is found before anything takes long.
  const instruction = checkInstruction(command);
  const frame = await decodeFrame(file);
  const seed = flags.seed ?? shortSeed();
  checkSeeds(seed, flags.candidates);
  const out = flags.out ?? freePath(join('out', `${slug(instruction)}-seed-${seed}`));
  checkOutputFolder(out, { force: flags.force === true });
  const model = modelFolder(flags.model);

  progress.phase(`loading ${shownPath(model)}`);
  const started = performance.now();
  const engine = flags.server === undefined ? undefined : new OpenInferenceEngine({ url: flags.server });
  const planner = await VideoPlanner.load(model, {
    provider: flags.provider,
    ...(engine === undefined ? {} : { engine }),
    ...(flags.stateEndpoint === undefined
      ? {}
      : { statePrompter: statePrompterAt(flags.stateEndpoint, flags.stateModel) }),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
    abortSignal,
  });
  const loadMs = performance.now() - started;
  const origin = { aid: packageVersion(), frame: resolve(file) };
  const results: ClipResult[] = [];
  try {
    progress.phase('looking at the frame');
    const shared = await sharedWork(planner, frame, instruction, flags, abortSignal);
    await writeFolderAtomically(out, async (draft) => {
      for (let index = 0; index < flags.candidates; index++) {
        const own = { instruction, seed: seed + index, abortSignal };
        const request = { ...requestOf(flags, planner), ...shared, ...own };
        const clip = await imagineClip(planner, request, (step, steps) => {
          progress.step(index * steps + step, flags.candidates * steps, 'imagining');
        });
        if (index + 1 === flags.candidates) progress.phase(`writing ${out}`);
        // One clip fills the folder; several have a subfolder each, and a list of them.
        const name = flags.candidates === 1 ? '' : `seed-${clip.report.seed}`;
        if (name !== '') await mkdir(join(draft, name));
        const document = await writeClip(join(draft, name), clip, origin, abortSignal);
        results.push({ out: join(out, name), ...document });
      }
      if (flags.candidates > 1)
        await writeFile(join(draft, 'candidates.json'), `${JSON.stringify(results, null, 2)}\n`);
    });
  } finally {
    await planner.dispose();
    await engine?.dispose();
  }
  progress.end();
  for (const warning of new Set(results.flatMap(({ warnings }) => warnings)))
    note(`aid: warning: ${warning}`);
  if (flags.json === true) sayJson(flags.candidates === 1 ? results[0] : { out, candidates: results });
  else for (const line of summary(out, results, loadMs)) say(line);
}

function checkSeeds(seed: number, candidates: number): void {
  const last = Number.MAX_SAFE_INTEGER - (candidates - 1);
  if (seed <= last) return;
  const count = candidates === 1 ? '' : ` for ${candidates} candidates`;
  throw new AidError(
    'invalid-argument',
    `seed: expected a whole number from 0 to ${last}${count}, got ${seed}`,
  );
}

function requestOf(
  flags: ImagineFlags,
  { video }: VideoPlanner,
): Omit<ImagineRequest, 'frames' | 'instruction'> {
  const { frames, states, preview } = flags;
  return {
    ...samplingOf(flags),
    ...(frames === undefined ? {} : { numFrames: frames }),
    ...(states === undefined ? {} : { states }),
    ...(preview === undefined ? {} : { previewFrames: [(frames ?? video.numFrames) - 1] }),
  };
}

/** The key is not an option: what is typed there, other users of the machine can read. */
function statePrompterAt(baseUrl: string, model: string): MllmStatePrompter {
  const apiKey = process.env.AID_STATE_API_KEY;
  return new MllmStatePrompter({ baseUrl, model, ...(apiKey ? { apiKey } : {}) });
}

/** What several candidates have in common is done once: looking at the frame, and writing the states. */
async function sharedWork(
  planner: VideoPlanner,
  frame: Frame,
  instruction: string,
  { candidates, states }: ImagineFlags,
  abortSignal: AbortSignal,
): Promise<Pick<ImagineRequest, 'frames' | 'states'>> {
  if (candidates === 1) return { frames: [frame] };
  const frames = await planner.observe([frame], { abortSignal });
  if (states !== undefined) return { frames };
  return { frames, states: await planner.writeStates(frames, instruction, { abortSignal }) };
}

async function imagineClip(
  planner: VideoPlanner,
  request: ImagineRequest,
  onStep: (step: number, steps: number) => void,
): Promise<Clip> {
  const previews: Clip['previews'][number][] = [];
  for await (const event of planner.imagine(request)) {
    if (event.kind === 'step') {
      previews.push(...event.preview.values());
      onStep(event.step, event.steps);
    }
    if (event.kind === 'end') return { frames: event.frames, previews, report: event.report };
  }
  throw new Error('a clip ended without its end event');
}

function summary(out: string, results: readonly ClipResult[], loadMs: number): string[] {
  const [first] = results;
  if (first === undefined) return [];
  const { numFrames, width, height, sampling, engine, model } = first;
  const seeds = results.map(({ seed }) => seed);
  const total = results.reduce((sum, { timings }) => sum + timings.totalMs, 0);
  const many = results.length === 1 ? '' : `${results.length} clips of `;
  const lines = [
    `imagined "${shortened(first.instruction)}"`,
    `  ${many}${numFrames} frames of ${width}x${height}, ${sampling.numInferenceSteps} steps, seed ${seeds.join(', ')}`,
    `  ${seconds(total)} on ${engine.server ?? `${engine.provider} (${engine.threads} threads)`}, after ${seconds(loadMs)} to load ${shownPath(model.path)}`,
  ];
  const folder = shownPath(out);
  if (results.length > 1)
    return [
      ...lines,
      `  ${folder}/: candidates.json and, for each seed,`,
      ...results.map((result) => `  ${shownPath(result.out)}/clip.webp`),
    ];
  return [
    ...lines,
    `  ${folder}/clip.webp, filmstrip.png, frames/, ${first.files.steps === undefined ? '' : 'steps.png, '}clip.json`,
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
