import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inferenceServer } from '../support/inference-server.js';
import { filesForTests } from './model-for-tests.js';
import { aid, emptyFolder } from './run-aid.js';

const files = filesForTests();
const COMMAND = 'put the red cube on the blue plate';

it('writes a repository that a server computes clips from', async () => {
  const folder = emptyFolder();
  const out = join(folder, 'repository');
  const written = await aid(['export', '--triton', out, '--model', files.model, '--json']);
  expect(written).toMatchObject({ exitCode: 0, stderr: '' });
  const { models, weightsSha256 } = JSON.parse(written.stdout) as { models: string[]; weightsSha256: string };
  expect(readdirSync(out).sort()).toEqual(models.sort());

  const { url } = await inferenceServer(out);
  const args = ['imagine', files.frame, COMMAND, '--model', files.model, '--seed', '3', '--json'];
  const there = await aid([...args, '--server', url, '--out', join(folder, 'there')]);
  expect(there).toMatchObject({ exitCode: 0, stderr: '' });
  const { engine, model } = JSON.parse(there.stdout);
  expect(engine).toMatchObject({ provider: 'remote', server: url.replace('grpc://', '') });
  expect(model.sha256).toBe(weightsSha256);
  await aid([...args, '--provider', 'cpu', '--threads', '1', '--out', join(folder, 'here')]);
  const last = (name: string): Buffer => readFileSync(join(folder, name, 'frames', '03.png'));
  expect(last('there').length).toBeGreaterThan(100);
  expect(last('there')).toEqual(last('here'));
});

it('touches no folder that holds anything', async () => {
  const out = emptyFolder();
  // An earlier clip is replaced by the next clip only.
  for (const name of ['notes.txt', 'clip.json']) {
    writeFileSync(join(out, name), 'mine');
    const { exitCode, stderr } = await aid(['export', '--triton', out, '--model', files.model]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toBe(`aid: ${out}: expected an empty folder\n`);
  }
  expect(readdirSync(out).sort()).toEqual(['clip.json', 'notes.txt']);
});

it('a server that is not there is one line', async () => {
  const args = ['imagine', files.frame, COMMAND, '--model', files.model, '--server', 'grpc://127.0.0.1:9'];
  const { exitCode, stdout, stderr } = await aid([...args, '--out', join(emptyFolder(), 'out')]);
  expect({ exitCode: exitCode !== 0, stdout }).toEqual({ exitCode: true, stdout: '' });
  expect(stderr.trim().split('\n').at(-1)).toMatch(/127\.0\.0\.1:9: no answer from a server/);
});
