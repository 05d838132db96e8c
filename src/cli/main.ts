#!/usr/bin/env node
/** The `aid` command. */
import { Command, CommanderError } from 'commander';
import { AidError } from '../planner/errors.js';
import { trainCommand } from './train.js';

const program = new Command('aid')
  .description('imagines the video of a robot arm doing what it is told')
  .exitOverride()
  .addCommand(trainCommand());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(
      `aid: ${AidError.isInstance(error) ? error.message : ((error as Error).stack ?? String(error))}\n`,
    );
    process.exitCode = 1;
  }
}
