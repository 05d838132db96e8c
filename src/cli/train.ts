/** `aid train CONFIG`: trains an autoencoder, a backbone or AID, or goes on with a run that was stopped. */
import { Command } from 'commander';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type RunEvent, run } from '../planner/training/run.js';
import { readRunConfig } from '../planner/training/run-config.js';

export function trainCommand(): Command {
  return new Command('train')
    .description('train a network as its config file says; run again after an interruption to go on')
    .argument('<config>', 'JSON config file')
    .action(async (file: string) => {
      const config = readRunConfig(file);
      const engine = new OnnxRuntimeEngine(config.threads === undefined ? {} : { threads: config.threads });
      try {
        for await (const event of run(config, { engine })) report(event);
      } finally {
        await engine.dispose();
      }
    });
}

function report(event: RunEvent): void {
  const line = lineOf(event);
  if (line === undefined) return;
  if (process.stderr.isTTY && event.kind !== 'start' && event.kind !== 'end')
    process.stderr.write(`\r${line}\x1b[K`);
  else process.stderr.write(`${line}\n`);
}

function lineOf(event: RunEvent): string | undefined {
  switch (event.kind) {
    case 'start':
      return `training ${(event.trainedNumbers / 1e6).toFixed(2)} M numbers, step ${event.step} of ${event.steps}`;
    case 'encoded':
      return process.stderr.isTTY || event.done % 500 === 0
        ? `latents of episode ${event.done} of ${event.total}`
        : undefined;
    case 'skipped':
      return `skipped ${event.name}: ${event.reason}`;
    case 'step': {
      if (!process.stderr.isTTY && event.step % 20 !== 0) return undefined;
      const measures = Object.entries(event.measures).map(
        ([name, value]) => `${name} ${value.toPrecision(4)}`,
      );
      const parts = [
        `step ${event.step}/${event.steps}`,
        `loss ${event.loss.toPrecision(4)}`,
        ...measures,
        `gradient ${event.gradientNorm.toPrecision(3)}`,
        `${event.clipsPerSecond.toFixed(2)} clips/s`,
        `${duration(event.secondsLeft)} left`,
      ];
      return parts.join('  ');
    }
    case 'checkpoint':
      return undefined;
    case 'end':
      return `done after step ${event.step}`;
  }
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
