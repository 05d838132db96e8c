import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '#planner/weights/safetensors.js';
import { loggedSteps, putBags, RECIPES, temporaryFolder, writeConfig } from './tiny-runs.js';

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const ON_A_TERMINAL = [
  '--import',
  'data:text/javascript,process.stderr.isTTY = true; process.stderr.columns = 60',
];

function train(
  file: string,
  node: readonly string[] = [],
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [...node, main, 'train', file], { encoding: 'utf8' });
}

/** Sends the signal once the log has so many bytes. */
async function trainUntil(
  file: string,
  folder: string,
  send: NodeJS.Signals,
): Promise<{ status: number | null; signal: NodeJS.Signals | null; stderr: string }> {
  const child = spawn(process.execPath, [main, 'train', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const log = join(folder, 'log.jsonl');
  const before = existsSync(log) ? statSync(log).size : 0;
  const poll = setInterval(() => {
    if (!existsSync(log) || statSync(log).size < before + 800) return;
    clearInterval(poll);
    child.kill(send);
  }, 2);
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      clearInterval(poll);
      resolve({ status, signal, stderr });
    });
  });
}

describe('aid train', () => {
  it('trains what the config says, and tells every twentieth step and the last', () => {
    const folder = temporaryFolder();
    putBags(folder, ['good/episode-0', 'broken/empty']);
    const { status, stdout, stderr } = train(writeConfig(folder, 'autoencoder', { steps: 45 }));
    expect([status, stdout]).toEqual([0, '']);
    const lines = stderr.trim().split('\n');
    expect(lines[0]).toMatch(/^training 0\.26 M numbers, step 0 of 45$/);
    expect(lines.filter((line) => line.startsWith('aid: skipped: ')).length).toBe(1);
    const steps = lines.filter((line) => line.startsWith('step '));
    expect(steps.map((line) => line.split('  ')[0])).toEqual(['step 20/45', 'step 40/45', 'step 45/45']);
    for (const line of steps) {
      expect(line).toMatch(
        /^step \d+\/45 {2}loss 0\.\d+ {2}[\d.]+ clips\/s {2}\d+ (s|min) left {2}gradient [\d.e-]+ {2}meanSquaredError/,
      );
    }
    expect(lines.at(-1)).toBe('done after step 45');
    expect(existsSync(join(folder, 'autoencoder/model/vae/diffusion_pytorch_model.safetensors'))).toBe(true);
  });

  it('rewrites one line on a terminal, no wider than it', () => {
    const folder = temporaryFolder();
    putBags(folder, ['good/episode-0', 'broken/empty']);
    const { status, stderr } = train(writeConfig(folder, 'autoencoder', { steps: 6 }), ON_A_TERMINAL);
    expect(status).toBe(0);
    const lines = stderr.split('\n');
    const line = lines.find((text) => text.includes('step 6/6')) ?? '';
    const written = line.split('\r').filter(Boolean);
    expect(written.at(-1)).toMatch(/^step 6\/6 {2}loss /);
    for (const text of written) {
      expect(text.endsWith('\x1b[K')).toBe(true);
      expect(text.length - '\x1b[K'.length).toBeLessThan(60);
    }
    // What is said besides has a line of its own, which no step overwrites.
    expect(lines.some((text) => /^aid: skipped: .*empty\.mcap/.test(text.split('\x1b[K').at(-1) ?? ''))).toBe(
      true,
    );
    expect(lines.at(-2)).toBe('done after step 6');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it with a checkpoint, exit 130 and how to go on',
    async (name) => {
      const folder = temporaryFolder();
      putBags(folder);
      const file = writeConfig(folder, 'autoencoder', { steps: 100_000, checkpointEverySteps: 100_000 });
      const output = join(folder, 'autoencoder');
      const { status, stderr } = await trainUntil(file, output, name);
      expect(status).toBe(130);
      const checkpoint = join(output, 'checkpoint.safetensors');
      const { step } = readSafetensors(checkpoint).metadata;
      expect(stderr).toContain(
        `aid: stopped after step ${step}, which ${checkpoint} holds; "aid train ${file}" goes on from there\n`,
      );
      expect(loggedSteps(output)).toHaveLength(Number(step));
      expect(stderr).not.toMatch(/\n {4}at /);
    },
  );

  it('that is killed goes on as if it had not been', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const changes = { steps: 40, checkpointEverySteps: 10 };
    const killed = writeConfig(folder, 'autoencoder', { ...changes, output: 'killed' });
    expect((await trainUntil(killed, join(folder, 'killed'), 'SIGKILL')).signal).toBe('SIGKILL');
    expect(train(killed).status).toBe(0);
    expect(train(writeConfig(folder, 'autoencoder', { ...changes, output: 'whole' })).status).toBe(0);
    expect(loggedSteps(join(folder, 'killed'))).toEqual(loggedSteps(join(folder, 'whole')));
  });
});

describe('a config that cannot be run is one clear line', () => {
  const refused = (file: string, message: string | RegExp): void => {
    const { status, stdout, stderr } = train(file);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr.trim()).toMatch(message);
  };
  const changed = (folder: string, change: (config: Record<string, unknown>) => void): string => {
    const file = writeConfig(folder, 'autoencoder');
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    change(config);
    writeFileSync(file, JSON.stringify(config));
    return file;
  };

  it('a file that is missing, no JSON, or a folder', () => {
    const folder = temporaryFolder();
    refused(join(folder, 'none.json'), /^aid: .*none\.json: no such file$/);
    writeFileSync(join(folder, 'half.json'), '{"output": ');
    refused(join(folder, 'half.json'), /^aid: .*half\.json: expected a JSON file: /);
    refused(folder, /^aid: .*: expected a JSON file: EISDIR/);
  });

  it('an unknown key, at any depth', () => {
    const folder = temporaryFolder();
    const deep = { ...RECIPES.autoencoder, vae: { ...RECIPES.autoencoder.vae, latent_chanels: 4 } };
    refused(
      changed(folder, (config) => {
        config.recipe = deep;
      }),
      /autoencoder\.json: recipe\.vae\.latent_chanels: unknown key$/,
    );
    refused(
      changed(folder, (config) => {
        config.step = 5;
      }),
      /autoencoder\.json: .*step/,
    );
  });

  it('a wrong type, a missing key, a recipe that is none', () => {
    const folder = temporaryFolder();
    refused(
      changed(folder, (config) => {
        config.steps = 'many';
        config.seed = -1;
      }),
      /autoencoder\.json: seed: .*; steps: .*number/,
    );
    refused(
      changed(folder, (config) => {
        delete config.steps;
      }),
      /autoencoder\.json: steps: /,
    );
    refused(
      changed(folder, (config) => {
        config.recipe = { ...RECIPES.autoencoder, recipe: 'diffusion' };
      }),
      /autoencoder\.json: recipe\.recipe: /,
    );
  });

  it('a folder of bags that is missing or empty, and clips longer than an episode', () => {
    const folder = temporaryFolder();
    refused(writeConfig(folder, 'autoencoder'), /^aid: .*bags: no such folder$/);
    mkdirSync(join(folder, 'bags'));
    refused(writeConfig(folder, 'autoencoder'), /^aid: .*bags: no \.mcap file below it, /);
    putBags(folder);
    refused(
      writeConfig(folder, 'autoencoder', {}, { framesPerClip: 7 }),
      /^aid: framesPerClip: expected at most framesPerEpisode, 6, got 7$/,
    );
    expect(existsSync(join(folder, 'autoencoder'))).toBe(false);
  });

  it('threads that are no number', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'train', 'x.json', '--threads', 'two'], {
      encoding: 'utf8',
    });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/expected a whole number from 1 to 256/i);
  });
});
