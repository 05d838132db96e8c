#!/usr/bin/env node
/** The `aid` command. */
import { Command } from 'commander';
import { failureOf } from './failure.js';
import { packageVersion } from './package.js';
import { note } from './terminal.js';

/** Loaded one by one, so that a command pays for nothing but its own. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  imagine: async () => (await import('./imagine.js')).imagineCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  data: async () => (await import('./data.js')).dataCommand(),
  train: async () => (await import('./train.js')).trainCommand(),
  ablate: async () => (await import('./ablate.js')).ablateCommand(),
  report: async () => (await import('./report.js')).reportCommand(),
  score: async () => (await import('./score.js')).scoreCommand(),
  record: async () => (await import('./record.js')).recordCommand(),
  play: async () => (await import('./play.js')).playCommand(),
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand(),
  export: async () => (await import('./export.js')).exportCommand(),
};

async function main(args: readonly string[]): Promise<void> {
  const program = new Command('aid')
    .description('Imagines the video of a robot arm doing what it is told.')
    .version(packageVersion(), '--version', 'print the version')
    .addHelpText('after', '\nExample:\n  aid imagine frame.png "put the red cube on the blue plate"');
  const [first = ''] = args;
  const needed = Object.hasOwn(commands, first) ? [first] : Object.keys(commands);
  for (const name of first === '--version' ? [] : needed) {
    const command = await commands[name]?.();
    if (command !== undefined) program.addCommand(command);
  }
  for (const command of [program, ...program.commands.flatMap((each) => [each, ...each.commands])]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .replace(/^error: /, 'aid: ')
            .trim()
            .replaceAll('\n', ' ')}\n`,
        ),
    });
  }
  await program.parseAsync(args, { from: 'user' });
}

function fail(error: unknown): void {
  const { line, exitCode } = failureOf(error);
  if (line !== undefined) note(line);
  process.exitCode = exitCode;
}

process.on('uncaughtException', (error) => {
  fail(error);
  process.exit();
});
// A reader that goes away, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

await main(process.argv.slice(2)).catch(fail);
