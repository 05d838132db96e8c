import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { filesForTests } from './model-for-tests.js';
import { AID, aid, emptyFolder, type Outcome } from './run-aid.js';

const files = filesForTests();
const COMMAND = 'put the red cube on the blue plate';

function imagine(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const fixed = ['--model', files.model, '--provider', 'cpu', '--threads', '1'];
  return aid(['imagine', files.frame, COMMAND, ...fixed, ...args], { cwd, environment });
}

const read = (...path: string[]): Record<string, unknown> => JSON.parse(readFileSync(join(...path), 'utf8'));
const everything = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).sort();

describe('aid imagine', () => {
  it('writes an animation, a filmstrip, the frames, and what was run', async () => {
    const cwd = emptyFolder();
    const { exitCode, stdout, stderr } = await imagine(['--seed', '7', '--out', 'clip'], cwd);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('clip/clip.webp');
    const frames = ['00.png', '01.png', '02.png', '03.png'];
    expect(everything(cwd)).toEqual(
      [
        'clip',
        ...['clip.json', 'clip.webp', 'filmstrip.png', 'frames'].map((name) => join('clip', name)),
        ...frames.map((name) => join('clip', 'frames', name)),
      ].sort(),
    );
    const clip = read(cwd, 'clip', 'clip.json');
    expect(clip).toMatchObject({
      aid: read(process.cwd(), 'package.json').version,
      frame: files.frame,
      model: { path: files.model, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      engine: { name: 'onnxruntime', provider: 'cpu', threads: 1 },
      instruction: COMMAND,
      states: Array(4).fill(expect.any(String)),
      statesWrittenBy: 'template/1',
      seed: 7,
      sampling: { numInferenceSteps: 2, frameGuidance: 1, textGuidance: 2 },
      warnings: [],
      files: {
        animation: 'clip.webp',
        filmstrip: 'filmstrip.png',
        frames: frames.map((name) => `frames/${name}`),
      },
    });
    expect(await sharp(join(cwd, 'clip', 'clip.webp')).metadata()).toMatchObject({
      format: 'webp',
      pages: 4,
    });
    expect(await sharp(join(cwd, 'clip', 'filmstrip.png')).metadata()).toMatchObject({
      width: 4 * 34 - 2,
      height: 32,
    });
    expect(await sharp(join(cwd, 'clip', 'frames', '03.png')).metadata()).toMatchObject({
      width: 32,
      height: 32,
    });
  });

  it('prints what clip.json holds, and its folder, and nothing else with --json', async () => {
    const cwd = emptyFolder();
    const { exitCode, stdout, stderr } = await imagine(['--seed', '7', '--out', 'clip', '--json'], cwd);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ out: 'clip', ...read(cwd, 'clip', 'clip.json') });
  });

  it('takes every option to the network', async () => {
    const cwd = emptyFolder();
    const sampling = ['--steps', '3', '--frame-guidance', '1.5', '--text-guidance', '3', '--frames', '2'];
    const states = ['--states', 'it lies | it is held | it moves | it is there'];
    const { stdout, exitCode } = await imagine([...sampling, ...states, '--preview', '--json'], cwd);
    expect(exitCode).toBe(0);
    const clip = JSON.parse(stdout);
    expect(clip).toMatchObject({
      numFrames: 2,
      states: ['it lies', 'it is held', 'it moves', 'it is there'],
      statesWrittenBy: 'caller',
      sampling: { numInferenceSteps: 3, frameGuidance: 1.5, textGuidance: 3 },
      files: { steps: 'steps.png' },
    });
    expect(clip.out).toBe(`out/put-the-red-cube-on-the-blue-plate-seed-${clip.seed}`);
    expect(await sharp(join(cwd, clip.out, 'steps.png')).metadata()).toMatchObject({ width: 3 * 34 - 2 });
    const fast = JSON.parse((await imagine(['--preset', 'fast', '--json'], cwd)).stdout);
    expect(fast.sampling).toMatchObject({ numInferenceSteps: 1, textGuidance: 1 });
  });

  it('imagines candidates of seeds in a row, each as its seed alone gives it', async () => {
    const cwd = emptyFolder();
    const { exitCode, stdout } = await imagine(
      ['--seed', '7', '--candidates', '2', '--out', 'two', '--json'],
      cwd,
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ out: 'two', candidates: read(cwd, 'two', 'candidates.json') });
    expect(
      JSON.parse(stdout).candidates.map(({ out, seed }: { out: string; seed: number }) => [out, seed]),
    ).toEqual([
      [join('two', 'seed-7'), 7],
      [join('two', 'seed-8'), 8],
    ]);
    await imagine(['--seed', '8', '--out', 'alone'], cwd);
    const last = ['frames', '03.png'];
    const alone = readFileSync(join(cwd, 'alone', ...last));
    expect(readFileSync(join(cwd, 'two', 'seed-8', ...last)).equals(alone)).toBe(true);
    expect(readFileSync(join(cwd, 'two', 'seed-7', ...last)).equals(alone)).toBe(false);
  });

  it('writes each candidate as it comes, and none where a later one fails', async () => {
    const cwd = emptyFolder();
    const many = ['--seed', '7', '--candidates', '1000', '--steps', '1', '--out', 'new/many'];
    const fixed = ['--model', files.model, '--provider', 'cpu', '--threads', '1'];
    const child = spawn(process.execPath, [AID, 'imagine', files.frame, COMMAND, ...fixed, ...many], { cwd });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const written = (): string[] => everything(cwd).filter((path) => path.endsWith('clip.json'));
    while (child.exitCode === null && written().length < 2) await setTimeout(20);
    expect(written()).toEqual([
      expect.stringMatching(/^new\/\.many\.\w+\.part\/seed-7\/clip\.json$/),
      expect.stringMatching(/seed-8\/clip\.json$/),
    ]);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(everything(cwd)).toEqual([]);
  });

  it('does not touch a folder that holds anything, unless told to replace an earlier result', async () => {
    const cwd = emptyFolder();
    mkdirSync(join(cwd, 'taken'));
    writeFileSync(join(cwd, 'taken', 'thesis.txt'), 'ten years');
    for (const flags of [[], ['--force']]) {
      const { exitCode, stderr } = await imagine(['--out', 'taken', ...flags], cwd);
      expect(exitCode).toBe(1);
      expect(stderr).toBe(
        'aid: taken: expected an empty folder, and what is in it is not an earlier result\n',
      );
    }
    expect(readdirSync(join(cwd, 'taken'))).toEqual(['thesis.txt']);

    mkdirSync(join(cwd, 'clip'));
    expect((await imagine(['--seed', '1', '--out', 'clip'], cwd)).exitCode).toBe(0);
    writeFileSync(join(cwd, 'clip', 'notes.txt'), 'nice');
    const refused = await imagine(['--seed', '2', '--out', 'clip'], cwd);
    expect(refused.stderr).toBe('aid: clip: holds an earlier result; --force replaces it\n');
    expect(read(cwd, 'clip', 'clip.json')).toMatchObject({ seed: 1 });
    expect((await imagine(['--seed', '2', '--frames', '2', '--out', 'clip', '--force'], cwd)).exitCode).toBe(
      0,
    );
    expect(read(cwd, 'clip', 'clip.json')).toMatchObject({ seed: 2 });
    expect(readdirSync(join(cwd, 'clip', 'frames'))).toEqual(['00.png', '01.png']);
    expect(existsSync(join(cwd, 'clip', 'notes.txt'))).toBe(true);
    expect(readdirSync(cwd)).toEqual(['clip', 'taken']);
  });

  it('asks a multimodal model once for all candidates, with the key of the environment', async () => {
    const states = [
      'the red cube',
      'the arm holds the red cube',
      'the cube moves',
      'the cube is on the blue plate',
    ];
    const keys: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      keys.push(request.headers.authorization);
      const message = { role: 'assistant', content: JSON.stringify({ states }) };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ choices: [{ message }] }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const cwd = emptyFolder();
    const { port } = server.address() as AddressInfo;
    const endpoint = ['--state-endpoint', `http://127.0.0.1:${port}/v1`];
    const { stdout, exitCode } = await imagine(
      [...endpoint, '--candidates', '2', '--seed', '1', '--json'],
      cwd,
      { XDG_CACHE_HOME: cwd, AID_STATE_API_KEY: 'a-key' },
    );
    expect(exitCode).toBe(0);
    expect(keys).toEqual(['Bearer a-key']);
    const written = { states, statesWrittenBy: 'llava aid-states/2', warnings: [] };
    expect(JSON.parse(stdout).candidates).toMatchObject([
      { seed: 1, ...written },
      { seed: 2, ...written },
    ]);
  });
});
