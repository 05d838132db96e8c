import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import {
  openSceneSet,
  type SceneSet,
  type SceneSetEvent,
  type SceneSetOptions,
} from '#planner/evaluation/scene-set.js';
import { readVariant } from '#planner/evaluation/scene-variant.js';
import { largestDifference } from '../conditioning/pictures.js';
import { emptyFolder, type FakeSim, fakeSim, SCENES_FIXTURE } from './fake-sim.js';

const SEEDS = { from: 10_003, to: 10_005 };
const SIZE = { width: 32, height: 32 };

async function open(
  sim: FakeSim,
  options: Partial<SceneSetOptions> = {},
): Promise<{ set: SceneSet; events: SceneSetEvent[] }> {
  const events: SceneSetEvent[] = [];
  const all = { seeds: SEEDS, cache: emptyFolder(), size: SIZE, simFolder: sim.folder, ...options };
  for await (const event of openSceneSet(all)) {
    events.push(event);
    if (event.kind === 'end') return { set: event.set, events };
  }
  throw new Error('no end');
}

describe('making scenes', () => {
  it('runs the simulator, tells how far it is, and finds what it made', async () => {
    const sim = fakeSim();
    const { set, events } = await open(sim, { workers: 3 });
    expect(sim.runs()).toEqual([
      [
        'outcomes',
        ...['--seeds', '10003:10005', '--out', set.folder, '--frames', 'last', '--resume'],
        ...['--size', '32x32', '--workers', '3'],
      ],
    ]);
    expect(events.slice(0, -1)).toEqual([0, 1, 2].map((done) => ({ kind: 'simulated', done, total: 2 })));
    expect(set).toMatchObject({
      generator: 'aid-sim 0.2.0',
      variant: 'default',
      ...SIZE,
      framesPerSecond: 1,
    });
    expect(set.scenes.map(({ seed }) => seed)).toEqual([10_003]);
    expect(set.skipped).toEqual([{ seed: 10_004, reason: 'commanded-failed' }]);
  });

  it('does not run it for scenes that are there, but for others, and for a changed simulator', async () => {
    const [sim, cache] = [fakeSim(), emptyFolder()];
    await open(sim, { cache });
    await open(sim, { cache });
    await open(sim, { cache, seeds: { from: 10_003, to: 10_004 } });
    expect(sim.runs()).toHaveLength(1);
    await expect(open(sim, { cache, seeds: { from: 10_003, to: 10_006 } })).rejects.toThrow(
      'some are missing',
    );
    expect(sim.runs()).toHaveLength(2);
    const before = simFingerprint(sim.folder);
    writeFileSync(join(sim.folder, 'src', 'aid_sim', 'scene.py'), '# another table\n');
    expect(simFingerprint(sim.folder)).not.toBe(before);
    const { set } = await open(sim, { cache });
    expect(sim.runs()).toHaveLength(3);
    expect(set.folder).toContain(simFingerprint(sim.folder));
  });

  it('lets it draw another table, whose scenes are kept by what its file says', async () => {
    const [sim, cache, file] = [fakeSim(), emptyFolder(), join(emptyFolder(), 'dusk.toml')];
    const folderOf = async (content: string): Promise<string> => {
      writeFileSync(file, content);
      return (await open(sim, { cache, variant: await readVariant(file, sim.folder) })).set.folder;
    };
    const folders = [await folderOf('name = "dusk"'), await folderOf('name = "dawn"')];
    expect(await folderOf('name = "dusk"')).toBe(folders[0]);
    folders.push((await open(sim, { cache })).set.folder);
    expect(new Set(folders).size).toBe(3);
    expect(sim.runs().map((args) => args.slice(-2))).toEqual([
      ['--variant', file],
      ['--variant', file],
      ['--workers', '1'],
    ]);
  });

  it('says how to set the simulator up when it is not', async () => {
    const sim = fakeSim();
    const bare = emptyFolder();
    cpSync(join(sim.folder, 'src'), join(bare, 'src'), { recursive: true });
    cpSync(join(sim.folder, 'requirements.txt'), join(bare, 'requirements.txt'));
    await expect(open({ ...sim, folder: bare })).rejects.toMatchObject({
      code: 'invalid-data',
      message: expect.stringContaining('run sim/setup.sh'),
    });
    await expect(open({ ...sim, folder: emptyFolder() })).rejects.toThrow('evaluate in the repository');
  });

  it('passes on why the simulator failed', async () => {
    const failing = fakeSim(`process.stderr.write('aid-sim: error: OSMesa is missing\\n'); process.exit(1);`);
    await expect(open(failing)).rejects.toMatchObject({
      code: 'invalid-data',
      message: 'the scenes could not be made: OSMesa is missing',
    });
    await expect(open(fakeSim('throw new Error("odd")'))).rejects.toThrow('could not be made');
  });

  it('stops the simulator when it is aborted, and when nobody listens any more', async () => {
    const mark = join(emptyFolder(), 'stopped');
    const slow = fakeSim(
      `process.on('SIGTERM', () => { fs.appendFileSync(${JSON.stringify(mark)}, 'x'); process.exit(130); });
       setInterval(() => {}, 1000); process.stderr.write('ready 2/2\\n');`,
    );
    const controller = new AbortController();
    const options = { seeds: SEEDS, cache: emptyFolder(), simFolder: slow.folder };
    const listen = async (abortSignal: AbortSignal, leave: boolean): Promise<void> => {
      let heard = 0;
      for await (const _ of openSceneSet({ ...options, abortSignal })) {
        // The fourth is printed once the signal's handler is there.
        if (++heard < 4) continue;
        if (leave) return;
        controller.abort();
      }
    };
    await expect(listen(controller.signal, false)).rejects.toMatchObject({ code: 'aborted' });
    expect(readFileSync(mark, 'utf8')).toBe('x');
    await listen(new AbortController().signal, true);
    expect(readFileSync(mark, 'utf8')).toBe('xx');
  });

  it('waits for another process that makes scenes there, says so, and takes what that one made', async () => {
    const cache = emptyFolder();
    const gate = join(emptyFolder(), 'open');
    const sim = fakeSim(`const look = setInterval(() => {
        if (!fs.existsSync(${JSON.stringify(gate)})) return;
        clearInterval(look);
        fs.cpSync(${JSON.stringify(SCENES_FIXTURE)}, out, { recursive: true });
      }, 20);`);
    const lines: string[] = [];
    const first = openSceneSet({ seeds: SEEDS, cache, size: SIZE, simFolder: sim.folder });
    await first.next();
    await expect(open(sim, { cache })).rejects.toMatchObject({ code: 'io-failed' });
    const controller = new AbortController();
    const stopped = open(sim, { cache, onWaiting: () => controller.abort(), abortSignal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    const second = open(sim, {
      cache,
      onWaiting: (line) => {
        lines.push(line);
        writeFileSync(gate, '');
      },
    });
    let set: SceneSet | undefined;
    for await (const event of first) if (event.kind === 'end') set = event.set;
    expect((await second).set.scenes).toEqual(set?.scenes);
    expect(sim.runs()).toHaveLength(1);
    expect(lines).toEqual([
      expect.stringMatching(
        `^the scenes in ${set?.folder}: in use by process ${process.pid} since \\S+; waiting for it$`,
      ),
    ]);
    expect(existsSync(join(set?.folder ?? '', '.lock'))).toBe(false);
  });

  it('refuses no seeds, and seeds that make no scene', async () => {
    const sim = fakeSim();
    await expect(open(sim, { seeds: { from: 5, to: 5 } })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(open(sim, { seeds: { from: 10_004, to: 10_005 } })).rejects.toThrow('no scene among');
  });
});

describe('a scene', () => {
  const format = { numFrames: 4, width: 32, height: 32 };

  async function load(numFrames = 4, width = 32, height = 32) {
    const { set } = await open(fakeSim());
    const [entry] = set.scenes;
    if (entry === undefined) throw new Error('no scene');
    return set.load(entry, { numFrames, width, height });
  }

  it('has the commanded clip, and the last frame under every command', async () => {
    const scene = await load();
    expect(scene.commands.map(({ family }) => family)).toEqual(['put', 'put', 'push_right', 'push_right']);
    expect(scene.commanded).toBe(3);
    expect(scene.clip).toHaveLength(4);
    expect(scene.clip[0]).toEqual(scene.given);
    expect(scene.outcomes).toHaveLength(4);
    expect(scene.outcomes[3]).toEqual(scene.clip[3]);
    const different = new Set(scene.outcomes.map(({ data }) => Buffer.from(data).toString('base64')));
    expect(different.size).toBe(4);
    for (const { heldOutInstruction, instruction } of scene.commands)
      expect(heldOutInstruction).not.toBe(instruction);
  });

  it('spreads the frames of a clip over the episode, its ends among them', async () => {
    const [long, short] = [await load(16), await load(2)];
    expect(long.clip).toHaveLength(16);
    expect([long.clip[0], long.clip[15]]).toEqual(short.clip);
  });

  it("is resized as the planner resizes: 8 bits, the picture's centre", async () => {
    const [whole, wide] = [await load(), await load(4, 32, 16)];
    expect(wide.given).toEqual(whole.given);
    const cut = wide.clip[0] as Frame;
    expect([cut.width, cut.height]).toEqual([32, 16]);
    // Same width: the rows from 8 to 24 as they are.
    expect(largestDifference(cut.data, whole.given.data.subarray(8 * 96, 24 * 96))).toBe(0);
  });

  it('refuses a bag that says something else, or is not there', async () => {
    const { set } = await open(fakeSim());
    const [entry] = set.scenes;
    if (entry === undefined) throw new Error('no scene');
    const [first, ...others] = entry.commands;
    if (first === undefined) throw new Error('no command');
    const load = (command: typeof first, commanded = entry.commanded) =>
      set.load({ ...entry, commanded, commands: [command, ...others] }, format);
    await expect(load({ ...first, instruction: 'sing' })).rejects.toThrow('expected "sing"');
    await expect(load({ ...first, bag: 'gone.mcap' })).rejects.toMatchObject({ code: 'invalid-data' });
    await expect(load(first, 0)).rejects.toThrow('expected every frame of the commanded one');
    await expect(load(first, 9)).rejects.toThrow('its command 9 is not listed');
  });
});

it('refuses scenes of another size than it asked for', async () => {
  const size = { width: 64, height: 32 };
  await expect(open(fakeSim(), { size })).rejects.toThrow('expected pictures of 64x32, got 32x32');
});

it('refuses a list of scenes that is not one', async () => {
  const sim = fakeSim(
    `fs.mkdirSync(out, { recursive: true }); fs.writeFileSync(out + '/scenes.json', '{"scenes": []}');`,
  );
  await expect(open(sim)).rejects.toMatchObject({
    code: 'invalid-data',
    message: expect.stringContaining('version'),
  });
  expect(readFileSync(join(SCENES_FIXTURE, 'scenes.json'), 'utf8')).toContain('"generator": "aid-sim"');
});
