import { describe, expect, it } from 'vitest';
import { filesForTests } from './model-for-tests.js';
import { aid, emptyFolder } from './run-aid.js';

const files = filesForTests();

describe('aid doctor', () => {
  it('tells what is here, what would run, and what a clip would cost', async () => {
    const { exitCode, stdout, stderr } = await aid(['doctor', '--model', files.model, '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const examination = JSON.parse(stdout);
    expect(examination).toMatchObject({
      machine: {
        node: process.versions.node,
        cores: expect.any(Number),
        sim: { isSetUp: expect.any(Boolean) },
      },
      onnxruntime: expect.stringMatching(/^\d+\.\d+\.\d+/),
      engine: expect.stringMatching(/^(cpu|webgpu|cuda)$/),
      model: { path: files.model },
      problems: [],
    });
    expect(examination.providers.map(({ provider }: { provider: string }) => provider)).toEqual([
      'cpu',
      'webgpu',
      'cuda',
      'tensorrt',
    ]);
    const [cpu] = examination.providers;
    expect(cpu.works).toBe(true);
    expect(cpu.speed.flopsPerSecond).toBeGreaterThan(1e8);
    const { default: clip, fast } = examination.model.clips;
    expect(clip).toMatchObject({ numFrames: 4, width: 32, height: 32, sampling: { numInferenceSteps: 2 } });
    expect(clip.memory.totalBytes).toBeGreaterThan(clip.memory.weightBytes + clip.memory.activationBytes);
    expect(clip.timings.totalMs).toBeGreaterThan(2 * clip.timings.stepMs);
    // One step and one branch instead of two steps of two branches.
    expect(fast.flops).toBeLessThan(clip.flops);
  });

  it('says it in lines that people read', async () => {
    const { exitCode, stdout } = await aid(['doctor', '--model', files.model]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ {2}cpu +works: [\d.]+ GFLOP\/s, [\d.]+ GB\/s/m);
    expect(stdout).toMatch(
      /^a clip +4 frames of 32x32 in 2 steps: about 0\.2 GB of memory and [\d.]+ (ms|s)/m,
    );
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('All is well.');
  });

  it('names what is wrong with a model, and fails', async () => {
    const { exitCode, stdout } = await aid(['doctor', '--model', emptyFolder()]);
    expect(exitCode).toBe(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^Problem: .*expected a model folder with model_index\.json in it$/,
    );
  });
});
