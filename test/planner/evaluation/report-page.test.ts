import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { RunWriter, readSavedRun } from '#planner/evaluation/saved-run.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { aid } from '../../cli/run-aid.js';
import { startBrowser } from '../../support/browser.js';
import { sharedFolder } from '../training/tiny-runs.js';

const FRAMES = 6;
const folder = sharedFolder();
const page = (name: string): string => join(folder, `${name}.html`);

/** Grey that gets brighter with every frame: a frame is told by its colour. */
/** The same, and 30 brighter from the 17th column on. */
const changed = (start: number): Frame[] =>
  clip(start).map((frame) => ({
    ...frame,
    data: frame.data.map((value, i) => ((i / 3) % 32 >= 16 ? Math.min(255, value + 30) : value)),
  }));
const clip = (start: number): Frame[] =>
  Array.from({ length: FRAMES }, (_, i) => ({
    width: 32,
    height: 24,
    data: new Uint8Array(32 * 24 * 3).fill(start + 30 * i),
  }));

async function save(
  name: string,
  starts: readonly number[],
  { families = true, judged = true }: { readonly families?: boolean; readonly judged?: boolean } = {},
): Promise<string> {
  const writer = await RunWriter.open<null>(join(folder, name), name);
  for (const [index, start] of starts.entries()) {
    const instruction = index === 0 ? 'put </script> & <b>' : `push block ${index}`;
    const said = { instruction, seed: index };
    await writer.add(
      {
        name: `scene ${index}`,
        instruction,
        ...(families ? { family: index < 2 ? 'push' : 'stack' } : {}),
        truth: clip(40),
        clips: [
          { kind: 'commanded', ...said, frames: clip(start), ...(judged ? { followed: index !== 1 } : {}) },
          { kind: 'swapped', ...said, frames: changed(start) },
        ],
      },
      null,
    );
  }
  await writer.end({
    data: 'greys',
    model: { path: '/models/x', sha256: 'abcdef' },
    engine: { name: 'onnxruntime', provider: 'cpu', threads: 1 },
    sampling: { sampler: 'euler' },
    statesWrittenBy: 'template',
    video: { numFrames: FRAMES, width: 32, height: 24, framesPerSecond: 50, givenFrames: 1 },
    protocol: ['made up'],
    warnings: ['mind the gap'],
  });
  return join(folder, name);
}

let browser: Browser | undefined;
let reason = '';

beforeAll(async () => {
  const [first, second] = [await save('first', [50, 70, 44]), await save('second', [41, 80, 60])];
  expect((await aid(['report', first, '--out', page('one')])).exitCode).toBe(0);
  expect((await aid(['report', first, '--compare', second, '--out', page('two')])).exitCode).toBe(0);
  // A user's own: no families, no verdicts.
  const own = await save('own', [50, 90, 60, 44], { families: false, judged: false });
  expect((await aid(['report', own, '--samples', '2', '--out', page('own')])).exitCode).toBe(0);
  // The one that failed is neither the worst nor the best.
  const failing = await save('failing', [90, 50, 41]);
  expect((await aid(['report', failing, '--samples', '1', '--out', page('failing')])).exitCode).toBe(0);
  for (const [run, value, letter] of [
    [first, 1, 'a'],
    [second, 2, 'b'],
  ] as const) {
    const scores = await scoreRun(readSavedRun(run));
    const about = {
      of: 'clips',
      unit: '',
      protocol: 'seer',
      resize: 'some',
      intervalBy: 'jackknife',
      resamples: 9,
      seed: 1,
    };
    const fvd = { name: 'fvd', value, sampleCount: 4 - value, weightsSha256: letter.repeat(64), ...about };
    const notMeasured = run === first ? [] : [{ name: 'kvd', protocol: 'stylegan-v', reason: 'too short' }];
    const file = JSON.stringify({ ...scores, scores: [...scores.scores, fvd], notMeasured });
    writeFileSync(join(run, 'scores.json'), file);
  }
  expect((await aid(['report', first, '--compare', second, '--out', page('weights')])).exitCode).toBe(0);
  const started = await startBrowser();
  if (typeof started === 'string') reason = started;
  else browser = started;
});
afterAll(() => browser?.close());

it('is one file that asks for nothing else', () => {
  const html = readFileSync(page('one'), 'utf8');
  expect(html.match(/\b(src|href)="(?!data:)[^"]*"/g)).toBeNull();
  expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});

describe('opened in a browser', () => {
  /** Runs with a fresh page, on which nothing may go wrong and which may ask for nothing. */
  const used = (name: string, what: string, use: (opened: Page) => Promise<void>) =>
    it(what, async ({ skip }) => {
      if (browser === undefined) return skip(`no browser starts here: ${reason}`);
      const opened = await browser.newPage();
      opened.setDefaultTimeout(20_000);
      const wrong: string[] = [];
      opened.on('pageerror', (error) => wrong.push(error.message));
      opened.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
      opened.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) wrong.push(request.url());
      });
      try {
        await opened.goto(pathToFileURL(page(name)).href);
        await use(opened);
        expect(wrong).toEqual([]);
      } finally {
        await opened.close();
      }
    });
  /** A pixel in the middle of the nth clip: what is grey, and whether anything is drawn. */
  const pixel = (nth: number): string =>
    `document.querySelectorAll('.sample canvas')[${nth}].getContext('2d').getImageData(16, 12, 1, 1).data`;
  const grey = (opened: Page, nth: number): Promise<number> => opened.evaluate(`${pixel(nth)}[0]`);
  const names = (opened: Page): Promise<string[]> => opened.locator('.sample h3').allTextContents();
  const drawn = (opened: Page): Promise<unknown> =>
    opened.waitForFunction(`${pixel(1)}[3] > 0`, undefined, { polling: 50 });

  used('one', 'shows scores, curves, commands, and the worst clip first', async (opened) => {
    expect(await opened.locator('#title').textContent()).toBe('first');
    expect(await opened.locator('#scores tr').count()).toBe(4);
    expect(await opened.locator('#scores').textContent()).toContain('n = 3');
    expect(await opened.locator('#curves polyline').count()).toBe(2);
    expect(await opened.locator('#groups').textContent()).toContain('1 of 2');
    expect(await opened.locator('#about').textContent()).toContain('Warning: mind the gap');
    expect(await names(opened)).toEqual([
      'scene 1: push block 1',
      'scene 0: put </script> & <b>',
      'scene 2: push block 2',
    ]);
    expect(await opened.locator('.failed').allTextContents()).toEqual([
      'commanded: push block 1, seed 1 (failed)',
    ]);
  });

  used('one', 'steps, scrubs and plays every clip together', async (opened) => {
    await drawn(opened);
    const near = async (nth: number, want: number): Promise<void> => {
      expect(Math.abs((await grey(opened, nth)) - want)).toBeLessThan(4);
    };
    await near(0, 40);
    await near(1, 70);
    await opened.click('#forward');
    expect(await opened.locator('#frame').textContent()).toBe('frame 2 of 6');
    await near(0, 70);
    await near(1, 100);
    await opened.click('#back');
    await opened.click('#back');
    expect(await opened.locator('#frame').textContent()).toBe('frame 6 of 6');
    await opened.locator('#scrub').fill('3');
    await near(0, 130);
    await opened.locator('body').click({ position: { x: 2, y: 2 } });
    await opened.keyboard.press('ArrowRight');
    await near(0, 160);
    await opened.click('#play');
    const other = `document.getElementById('frame').textContent !== 'frame 5 of 6'`;
    await opened.waitForFunction(other, undefined, { polling: 5 });
    await opened.click('#play');
    expect(await opened.locator('#play').getAttribute('aria-label')).toBe('Play');
  });

  used('one', 'sorts and filters', async (opened) => {
    await opened.selectOption('#order', 'best');
    expect((await names(opened))[0]).toBe('scene 2: push block 2');
    await opened.selectOption('#order', 'failures');
    expect(await names(opened)).toEqual(['scene 1: push block 1']);
    await opened.selectOption('#order', 'worst');
    await opened.selectOption('#group', 'stack');
    expect(await names(opened)).toEqual(['scene 2: push block 2']);
  });

  used('one', 'shows where clips change with the command, over all of them and in each', async (opened) => {
    const map = opened.locator('#maps canvas');
    expect(await map.count()).toBe(1);
    expect(await opened.locator('#maps figcaption').textContent()).toBe('other command, white is 30.00');
    const reds = (selector: string, nth: number): Promise<number[]> =>
      opened.evaluate(`[8, 24].map((x) => Math.max(...document.querySelectorAll('${selector}')[${nth}]
        .getContext('2d').getImageData(x, 12, 1, 1).data.slice(0, 3)))`);
    expect(await reds('#maps canvas', 0)).toEqual([0, 255]);
    await drawn(opened);
    // The swapped clip of the first sample: as it is, then what changes in it.
    expect((await reds('.sample canvas', 2))[0]).toBeGreaterThan(60);
    await opened.check('#change');
    const [still = 255, moved = 0] = await reds('.sample canvas', 2);
    expect([still < 40, moved > 120]).toEqual([true, true]);
    expect((await reds('.sample canvas', 1))[0]).toBeGreaterThan(60);
  });

  used('own', "groups a user's own episodes by their commands", async (opened) => {
    expect(await opened.locator('#groups td:first-child').allTextContents()).toEqual([
      'push block 1',
      'push block 2',
      'put </script> & <b>',
      'push block 3',
    ]);
    expect(await opened.locator('#groups').textContent()).toContain('not judged');
    await opened.selectOption('#group', 'push block 1');
    expect(await names(opened)).toEqual(['scene 1: push block 1']);
  });

  used('failing', 'holds what failed even where it is neither the worst nor the best', async (opened) => {
    expect(await names(opened)).toEqual(['scene 0: put </script> & <b>', 'scene 1: push block 1']);
    await opened.selectOption('#order', 'failures');
    expect(await names(opened)).toEqual(['scene 1: push block 1']);
    expect(await opened.locator('#samples').textContent()).toContain(
      '2 of 3 samples are in this page: 1 of 1 failures',
    );
  });

  used('weights', 'lays numbers beside each other only where they were measured alike', async (opened) => {
    const rows = await opened.locator('#scores tr').allTextContents();
    const fvd = rows.filter((row) => row.startsWith('fvd'));
    expect(fvd).toEqual([
      expect.stringMatching(/^fvd1\.000 n = 3; jackknife of 9, seed 1not measured.*; weights aaaaaaaaaaaa$/),
      expect.stringMatching(/^fvdnot measured2\.000 n = 2; jackknife of 9, seed 1.*; weights bbbbbbbbbbbb$/),
    ]);
    expect(rows.filter((row) => row.startsWith('psnr'))).toHaveLength(1);
    expect(await opened.locator('#scores').textContent()).toContain(
      'second: kvd by stylegan-v not measured: too short',
    );
  });

  used('two', 'lays another run beside it', async (opened) => {
    expect(await opened.locator('#title').textContent()).toBe('first beside second');
    const captions = await opened.locator('.sample').first().locator('figcaption').allTextContents();
    expect(captions.filter((text) => text.includes('commanded'))).toEqual([
      'first: commanded: push block 1, seed 1 (failed)',
      'second: commanded: push block 1, seed 1 (failed)',
    ]);
    expect(await opened.locator('#curves polyline').count()).toBe(4);
    expect(await opened.locator('#scores th').allTextContents()).toEqual(['', 'first', 'second', 'how']);
  });
});

it('scores of an older version are refused', async () => {
  const old = await save('old', [50, 60]);
  writeFileSync(join(old, 'scores.json'), JSON.stringify({ scores: [], sensitivity: [], samples: [] }));
  const { exitCode, stderr } = await aid(['report', old]);
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringMatching(/^aid: .*old\/scores.json: .*; "aid score" makes it anew\n$/),
  ]);
});

it('a folder that holds no run is refused', async () => {
  const { exitCode, stderr } = await aid([
    'report',
    join(folder, 'first'),
    '--compare',
    join(folder, 'elsewhere'),
  ]);
  expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/elsewhere: no run.json/)]);
});
