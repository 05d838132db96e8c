/** `aid doctor`: what this machine has, what would run on it, and what a clip would cost, before anything is loaded. */
import { Command } from 'commander';
import type { ClipEstimate } from '../planner/imagination/clip-estimate.js';
import type { ProviderProbe } from '../planner/runtime/probe/probe.js';
import { DEFAULT, type Examination, examine } from './doctor/examine.js';
import type { Machine } from './doctor/machine.js';
import { progressLine, silence } from './progress.js';
import { say, sayJson, shownPath } from './terminal.js';

interface DoctorFlags {
  readonly model?: string;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what this machine has, what would run on it, and what a clip would cost')
    .option('--model <dir>', 'model folder (default: the one in this package)')
    .option('--json', 'print it as JSON and nothing else')
    .action(async ({ model, json }: DoctorFlags) => {
      const progress = json === true ? silence : progressLine();
      const examination = await examine(model, { onPhase: (text) => progress.phase(text) }).finally(() =>
        progress.end(),
      );
      if (json === true) sayJson(examination);
      else for (const line of report(examination)) say(line);
      if (examination.problems.length > 0) process.exitCode = 1;
    });
}

function report(examination: Examination): string[] {
  const { aid, machine, onnxruntime, providers, engine, remembered, model, problems } = examination;
  return [
    `aid ${aid}, node ${machine.node}, ${machine.platform}`,
    row('CPU', `${machine.cores} cores, ${machine.cpu}`),
    row(
      'memory',
      `${gigabytes(machine.memoryBytes)}, of which ${gigabytes(machine.availableMemoryBytes)} available`,
    ),
    row('engine', `onnxruntime ${onnxruntime}`),
    ...providers.map((probe) => row(`  ${probe.provider}`, providerText(probe, probe.provider === engine))),
    ...(remembered === null || engine === null
      ? []
      : [row('  auto', `takes ${engine} from now on, without measuring again: ${shownPath(remembered)}`)]),
    row('Vulkan', vulkanText(machine)),
    ...(model === null ? [] : [row('model', modelText(model))]),
    ...Object.entries(model?.clips ?? {}).map(([name, clip]) =>
      row(name === DEFAULT ? 'a clip' : `  ${name}`, clipText(clip)),
    ),
    row('ROS 2', rosText(machine)),
    ...(machine.sim === null
      ? []
      : [
          row(
            'sim',
            machine.sim.isSetUp ? 'set up' : 'not set up; sim/setup.sh does it, and so does npm run demo',
          ),
        ]),
    problems.length === 0 ? 'All is well.' : '',
    ...problems.map((problem) => `Problem: ${problem}`),
  ].filter((line) => line !== '');
}

const row = (name: string, text: string): string => `${name.padEnd(11)} ${text}`;

function providerText(probe: ProviderProbe, isChosen: boolean): string {
  if (!probe.works) return `no: ${probe.reason}`;
  const { flopsPerSecond, bytesPerSecond } = probe.speed;
  const speed = `${scaled(flopsPerSecond / 1e6, [' MFLOP/s', ' GFLOP/s', ' TFLOP/s'])}, ${rounded(bytesPerSecond / 1e9)} GB/s`;
  return `works: ${speed}${isChosen ? '; this one would run' : ''}`;
}

function vulkanText({ vulkanDrivers, softwareVulkan }: Machine): string {
  const drivers = vulkanDrivers.map(({ manifest, isSoftware }) =>
    isSoftware ? `${manifest} (computes on the CPU)` : manifest,
  );
  const spare =
    softwareVulkan === null ? '' : `; for tests, one that computes on the CPU in ${softwareVulkan}`;
  return `${drivers.join(', ') || 'no driver'}${spare}`;
}

function modelText({ path, clips }: NonNullable<Examination['model']>): string {
  const { parameterCount = 0, fileBytes = 0 } = clips[DEFAULT] ?? {};
  return `${shownPath(path)}: ${scaled(parameterCount, ['', ' thousand', ' million', ' billion'])} numbers in ${scaled(fileBytes, [' bytes', ' kB', ' MB', ' GB'])}`;
}

function clipText({ numFrames, width, height, sampling, memory, timings, flops }: ClipEstimate): string {
  const clip = `${numFrames} frames of ${width}x${height} in ${sampling.numInferenceSteps} steps`;
  const time =
    timings === undefined ? '' : ` and ${duration(timings.totalMs)}, ${duration(timings.stepMs)} a step`;
  return `${clip}: about ${gigabytes(memory.totalBytes)} of memory${time} (${scaled(flops / 1e6, [' MFLOP', ' GFLOP', ' TFLOP'])})`;
}

function rosText({ ros2: { distribution, installed } }: Machine): string {
  if (distribution !== null) return `${distribution} is sourced`;
  const [first] = installed;
  return first === undefined ? 'not found' : `not sourced; source /opt/ros/${first}/setup.bash does it`;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Two digits are all that these numbers are good for. */
const rounded = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));

/** A value with the name of its power of a thousand. */
function scaled(value: number, names: readonly string[]): string {
  const power = Math.max(0, Math.min(names.length - 1, Math.floor(Math.log10(value) / 3)));
  return `${rounded(value / 1000 ** power)}${names[power]}`;
}

function duration(ms: number): string {
  if (ms < 1000) return `${rounded(ms)} ms`;
  return ms < 120_000 ? `${rounded(ms / 1000)} s` : `${rounded(ms / 60_000)} min`;
}
