import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readSafetensorsHeader } from '#planner/weights/safetensors.js';
import { filesForTests } from './model-for-tests.js';
import { aid, emptyFolder } from './run-aid.js';

const files = filesForTests();
const COMMAND = 'put the red cube on the blue plate';
const UNET = join('unet', 'diffusion_pytorch_model.safetensors');

interface Request {
  readonly frame?: string;
  readonly command?: string;
  readonly model?: string;
  readonly flags?: readonly string[];
}

/** Runs `aid imagine`, expects it to fail with one line and to leave nothing, and returns that line. */
async function refusal({ frame = files.frame, command = COMMAND, model = files.model, flags = [] }: Request) {
  const cwd = emptyFolder();
  const fixed = ['--model', model, '--provider', 'cpu', '--threads', '1', '--out', 'clip'];
  const { exitCode, stdout, stderr } = await aid(['imagine', frame, command, ...fixed, ...flags], { cwd });
  expect(exitCode).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^aid: [^\n]+\n$/);
  expect(readdirSync(cwd)).toEqual([]);
  return stderr.trimEnd();
}

async function image(width: number, height: number): Promise<string> {
  const file = join(emptyFolder(), 'image.png');
  await sharp({ create: { width, height, channels: 3, background: '#777' } })
    .png()
    .toFile(file);
  return file;
}

/** Changes the header of a safetensors file, whose numbers stay as they are. */
function editHeader(file: string, edit: (header: Record<string, { shape: number[] }>) => void): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8'));
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([prefix, text, bytes.subarray(8 + length)]));
}

describe('the frame', () => {
  it('must be there', async () => {
    expect(await refusal({ frame: 'nowhere.png' })).toBe('aid: nowhere.png: no such file');
  });

  it('must be an image', async () => {
    const file = join(emptyFolder(), 'notes.png');
    writeFileSync(file, 'not an image');
    expect(await refusal({ frame: file })).toContain('expected a JPEG, PNG or WebP image');
  });

  it('must be whole', async () => {
    const file = join(emptyFolder(), 'cut.jpg');
    const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
    await sharp({ create: { width: 64, height: 64, channels: 3, background: '#777', noise } })
      .jpeg()
      .toFile(file);
    truncateSync(file, 1500);
    expect(await refusal({ frame: file })).toContain('not a whole image');
  });

  it('must have more than one pixel', async () => {
    expect(await refusal({ frame: await image(1, 1) })).toContain('expected at least 8x8 pixels, got 1x1');
  });

  it('must not have 20,000 pixels a side', async () => {
    expect(await refusal({ frame: await image(20_000, 20) })).toContain(
      'expected at most 16384 pixels a side',
    );
  });
});

describe('the command', () => {
  it.each(['', '  \n '])('must not be empty: %j', async (command) => {
    expect(await refusal({ command })).toBe('aid: instruction: expected at least one word, got none');
  });

  it('may have 10,000 words and unknown ones, with a warning each', async () => {
    const cwd = emptyFolder();
    const args = ['--model', files.model, '--provider', 'cpu', '--threads', '1', '--json'];
    const command = `take the zorblax ${'red '.repeat(9_997)}`;
    const { exitCode, stdout, stderr } = await aid(['imagine', files.frame, command, ...args], { cwd });
    expect(exitCode).toBe(0);
    const { warnings } = JSON.parse(stdout);
    expect(warnings).toEqual([
      'the instruction has at least 10002 tokens; the model reads the first 24',
      'words that the model was never trained on: take, zorblax',
      expect.stringMatching(/^a state has at least \d+ tokens; the model reads the first 24$/),
    ]);
    expect(stdout.length).toBeLessThan(80_000);
    expect(stderr).toBe(warnings.map((warning: string) => `aid: warning: ${warning}\n`).join(''));
  });
});

describe('the model folder', () => {
  it('must be there', async () => {
    expect(await refusal({ model: 'nowhere' })).toBe(
      'aid: nowhere: expected a model folder with model_index.json in it',
    );
  });

  it('must not lack a tensor', async () => {
    const model = files.copyOfModel();
    editHeader(join(model, UNET), (header) => {
      delete header['conv_in.weight'];
    });
    expect(await refusal({ model })).toMatch(/1 tensors? missing: unet\.conv_in\.weight \[32,8,3,3\]/);
  });

  it('must not have a tensor too many', async () => {
    const model = files.copyOfModel();
    editHeader(join(model, UNET), (header) => {
      header['conv_in.surprise'] = header['conv_in.bias'] ?? { shape: [] };
    });
    expect(await refusal({ model })).toMatch(/1 tensors? unexpected: unet\.conv_in\.surprise/);
  });

  it('must not have a tensor of another shape', async () => {
    const model = files.copyOfModel();
    editHeader(join(model, UNET), (header) => header['conv_in.weight']?.shape.splice(0, 2, 8, 32));
    expect(await refusal({ model })).toContain('unet.conv_in.weight: expected [32,8,3,3], got [8,32,3,3]');
  });

  it('must not be cut short', async () => {
    const model = files.copyOfModel();
    truncateSync(join(model, UNET), 100_000);
    expect(await refusal({ model })).toContain(`${UNET}: not a whole safetensors file`);
    truncateSync(join(model, UNET), 5);
    expect(await refusal({ model })).toContain(`${UNET}: not a whole safetensors file: it has 5 bytes`);
  });

  it('must not hold a number that is not finite', async () => {
    const model = files.copyOfModel();
    const file = join(model, UNET);
    const tensor = readSafetensorsHeader(file).get('conv_in.weight');
    const bytes = readFileSync(file);
    bytes.writeUInt16LE(0x7e00, tensor?.offset ?? 0);
    writeFileSync(file, bytes);
    expect(tensor?.type).toBe('F16');
    expect(await refusal({ model })).toContain('conv_in.weight holds a number that is not finite');
  });

  it('must have a config that makes sense', async () => {
    const model = files.copyOfModel();
    writeFileSync(join(model, 'vae', 'config.json'), '{"latent_channels": "four"}');
    expect(await refusal({ model })).toContain('latent_channels');
    writeFileSync(join(model, 'vae', 'config.json'), '{');
    expect(await refusal({ model })).toContain('expected a JSON file');
  });
});

describe('options', () => {
  it.each([
    [
      ['--seed', '-1'],
      "option '--seed <n>' argument '-1' is invalid. Expected a whole number of at least 0.",
    ],
    [
      ['--steps', '0'],
      "option '--steps <n>' argument '0' is invalid. Expected a whole number of at least 1.",
    ],
    [['--steps', '5000'], 'numInferenceSteps: expected a whole number from 1 to 1000, got 5000'],
    [['--frames', '99'], 'numFrames: expected a whole number from 1 to 4, got 99'],
    [
      ['--text-guidance', 'much'],
      "option '--text-guidance <scale>' argument 'much' is invalid. Expected a number.",
    ],
    [
      ['--states', 'a|b'],
      "option '--states <texts>' argument 'a|b' is invalid. Expected four texts with | between them.",
    ],
    [
      ['--seed', '9007199254740991', '--candidates', '2', '--model', 'nowhere'],
      'seed: expected a whole number from 0 to 9007199254740990 for 2 candidates, got 9007199254740991',
    ],
    [
      ['--candidates', '1001'],
      "option '--candidates <n>' argument '1001' is invalid. Expected a whole number from 1 to 1000.",
    ],
    [['--preset', 'slow'], 'preset: the model has no slow; it has fast'],
    [['--stpes', '3'], "unknown option '--stpes' (Did you mean --steps?)"],
    [['--out', '/dev/null'], '/dev/null: expected a folder to write to, got a file'],
  ])('%j', async (flags, line) => {
    expect(await refusal({ flags })).toBe(`aid: ${line}`);
  });
});
