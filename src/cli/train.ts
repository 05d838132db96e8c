/** `aid train CONFIG`: trains an autoencoder, a backbone or AID, or goes on with a run that was stopped. */
import { Command } from 'commander';
import type { AidError } from '../planner/errors.js';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type RunEvent, run } from '../planner/training/run.js';
import { readRunConfig } from '../planner/training/run-config.js';
import type { TrainStep } from '../planner/training/train.js';
import { isAborted } from './failure.js';
import { interruptible } from './interruption.js';
import { threadCount } from './options.js';
import { note } from './terminal.js';

/** Where nobody watches a line being rewritten, every so many steps and episodes get one of their own. */
const EVERY_STEPS = 20;
const EVERY_EPISODES = 100;

export function trainCommand(): Command {
  return new Command('train')
    .description('train a network as its config file says; run again after an interruption to go on')
    .argument('<config>', 'JSON config file')
    .option('--threads <n>', "threads of the engine, instead of the config's", threadCount)
    .action(async (file: string, options: { threads?: number }) => {
      const config = readRunConfig(file);
      const threads = options.threads ?? config.threads;
      const engine = new OnnxRuntimeEngine(threads === undefined ? {} : { threads });
      const report = reporter(process.stderr);
      try {
        await interruptible(async (abortSignal) => {
          for await (const event of run(config, { engine, abortSignal })) report(event);
        });
      } catch (error) {
        if (process.stderr.isTTY) note('');
        if (isAborted(error))
          note(`aid: ${(error as AidError).message}; "aid train ${file}" goes on from there`);
        throw error;
      } finally {
        await engine.dispose();
      }
    });
}

/** Steps and episodes go to one line that is rewritten, all else to lines of its own. */
function reporter(stream: NodeJS.WriteStream): (event: RunEvent) => void {
  let rewritten = false;
  let encoded = 0;
  const say = (line: string): void => {
    stream.write(`${rewritten ? '\r\x1b[K' : ''}${line}\n`);
    rewritten = false;
  };
  const rewrite = (line: string): void => {
    stream.write(`\r${line.slice(0, (stream.columns ?? 80) - 1)}\x1b[K`);
    rewritten = true;
  };
  return (event) => {
    switch (event.kind) {
      case 'start':
        return say(
          `training ${(event.trainedNumbers / 1e6).toFixed(2)} M numbers, step ${event.step} of ${event.steps}`,
        );
      case 'encoded': {
        encoded += 1;
        if (stream.isTTY) rewrite(encodedLine(event));
        else if (encoded % EVERY_EPISODES === 0) say(encodedLine(event));
        return;
      }
      case 'skipped':
        return say(`aid: skipped: ${event.reason}`);
      case 'warning':
        return say(`aid: warning: ${event.message}`);
      case 'step':
        if (stream.isTTY) rewrite(stepLine(event));
        else if (event.step % EVERY_STEPS === 0 || event.step === event.steps) say(stepLine(event));
        return;
      case 'checkpoint':
        return;
      case 'end':
        // The last step stays in sight.
        if (rewritten) stream.write('\n');
        rewritten = false;
        return say(`done after step ${event.step}`);
    }
  };
}

function encodedLine({
  recording,
  recordings,
  episode,
  episodes,
}: Extract<RunEvent, { kind: 'encoded' }>): string {
  const part = episodes === 1 ? '' : `, episode ${episode} of ${episodes}`;
  return `latents of recording ${recording} of ${recordings}${part}`;
}

/** The most important first: a narrow terminal cuts the end. */
function stepLine(event: TrainStep): string {
  const measures = Object.entries(event.measures).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  const parts = [
    `step ${event.step}/${event.steps}`,
    `loss ${event.loss.toPrecision(4)}`,
    `${event.clipsPerSecond.toPrecision(3)} clips/s`,
    `${duration(event.secondsLeft)} left`,
    `gradient ${event.gradientNorm.toPrecision(3)}`,
    ...measures,
  ];
  return parts.join('  ');
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
