import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWebp, type Frame } from '#planner/conditioning/frame.js';
import { compareRuns, type ReportedRun } from '#planner/evaluation/page/compare-runs.js';
import { reportPage } from '#planner/evaluation/page/report-page.js';
import { RunWriter, readSavedRun, strip } from '#planner/evaluation/saved-run.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { Random } from '#planner/random.js';
import { aid } from '../../cli/run-aid.js';
import { startBrowser } from '../../support/browser.js';
import { sharedFolder } from '../training/tiny-runs.js';

const FRAMES = 6;
const folder = sharedFolder();
const page = (name: string): string => join(folder, `${name}.html`);

/** Grey that gets brighter with every frame: a frame is told by its colour. `changed`: 30 brighter from the 17th column on. */
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

const ABOUT = {
  data: 'greys',
  model: { path: '/models/x', sha256: 'abcdef' },
  engine: { name: 'onnxruntime', provider: 'cpu', threads: 1 },
  sampling: { sampler: 'euler' },
  statesWrittenBy: 'template',
  video: { numFrames: FRAMES, width: 32, height: 24, framesPerSecond: 50, givenFrames: 1 },
  protocol: ['made up'],
  warnings: ['mind the gap'],
};

const commands = ['push', 'stack'].map((family) => ({ family, instruction: `${family} it` }));
const black: Frame = { width: 32, height: 24, data: new Uint8Array(32 * 24 * 3) };

async function save(
  name: string,
  starts: readonly number[],
  {
    families = true,
    judged = true,
    failed = [1],
    truth = 40,
    outcomes = false,
  }: {
    readonly families?: boolean;
    readonly judged?: boolean;
    readonly failed?: readonly number[];
    readonly truth?: number;
    readonly outcomes?: boolean;
  } = {},
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
        truth: clip(truth),
        ...(outcomes
          ? { outcomes: { commands, commanded: 0, frames: [clip(truth).at(-1), black] as Frame[] } }
          : {}),
        clips: [
          {
            kind: 'commanded',
            ...said,
            frames: clip(start),
            ...(judged ? { followed: !failed.includes(index) } : {}),
          },
          { kind: 'another', ...said, frames: clip(start + 1) },
          { kind: 'another', ...said, frames: clip(start + 2) },
          { kind: 'swapped', ...said, frames: changed(start) },
        ],
      },
      null,
    );
  }
  await writer.end(ABOUT);
  await writer.close();
  return join(folder, name);
}

async function reported(where: string): Promise<ReportedRun> {
  const run = readSavedRun(where);
  return { run, scores: await scoreRun(run) };
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
  // Another model's run of the same name: better at one command, worse at another, and one sample more.
  const [before, after] = [
    await save(join('before', 'run'), [44, 50, 60], { failed: [1], outcomes: true }),
    await save(join('after', 'run'), [45, 41, 80, 50], { failed: [2], outcomes: true }),
  ];
  expect((await aid(['report', before, '--compare', after, '--out', page('changed')])).exitCode).toBe(0);
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

it('holds the pictures that it draws and no others', () => {
  const drawn = (name: string): string[] => {
    const [, json = ''] =
      /<script type="application\/json" id="data">(.*)<\/script>/.exec(readFileSync(page(name), 'utf8')) ??
      [];
    const { samples } = JSON.parse(json) as { samples: { clips: { run: number; kind: string }[] }[] };
    expect(json.match(/data:image/g)).toHaveLength(
      samples.reduce((sum, { clips }) => sum + 1 + clips.length, 0),
    );
    return (samples[0]?.clips ?? []).map(({ run, kind }) => `${run} ${kind}`);
  };
  expect(drawn('one')).toEqual(['0 commanded', '0 another', '0 swapped']);
  expect(drawn('two')).toEqual(['0 commanded', '0 another', '0 swapped', '1 commanded']);
});

it('stays below 15 MB, for which its pictures lose quality where they are many', async () => {
  const random = new Random(1);
  const [side, numFrames, count] = [128, 8, 24];
  const noise = Array.from({ length: numFrames }, () => ({
    width: side,
    height: side,
    data: Uint8Array.from({ length: side * side * 3 }, () => random.below(256)),
  }));
  const writer = await RunWriter.open<null>(join(folder, 'large'), 'large');
  const kinds = ['commanded', 'another', 'heldOut', 'swapped', 'blank'] as const;
  const clips = kinds.map((kind) => ({ kind, instruction: 'push', seed: 0, frames: noise }));
  for (let index = 0; index < count; index++)
    await writer.add({ name: `scene ${index}`, instruction: 'push', truth: noise, clips }, null);
  await writer.end({ ...ABOUT, video: { ...ABOUT.video, numFrames, width: side, height: side } });
  await writer.close();
  const run = readSavedRun(join(folder, 'large'));
  const { scores } = await reported(join(folder, 'first'));
  const html = await reportPage({ run, scores }, { samples: count });
  expect(html.match(/data:image/g)).toHaveLength(count * 6);
  expect(html.length).toBeLessThan(15e6);
  const best = await encodeWebp(strip(noise), { quality: 85 });
  expect(best.length * count * 6 * (4 / 3)).toBeGreaterThan(16e6);
}, 120_000);

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
    expect(await opened.locator('#scores tr').count()).toBe(5);
    expect(await opened.title()).toBe('first - evaluation');
    expect(await opened.locator('#scores').textContent()).toContain('n = 3');
    expect(await opened.locator('#curves polyline').count()).toBe(3);
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

  used('one', 'goes on with the keys after a button was pressed', async (opened) => {
    const frame = (): Promise<string | null> => opened.locator('#frame').textContent();
    await opened.click('#play');
    await opened.click('#play');
    await opened.locator('#scrub').fill('2');
    await opened.locator('#forward').focus();
    await opened.keyboard.press('ArrowRight');
    expect(await frame()).toBe('frame 4 of 6');
    await opened.keyboard.press('ArrowLeft');
    expect(await frame()).toBe('frame 3 of 6');
    // The space bar presses the button that has the focus.
    await opened.keyboard.press(' ');
    expect(await frame()).toBe('frame 4 of 6');
    await opened.locator('#change').focus();
    await opened.keyboard.press('ArrowRight');
    expect(await frame()).toBe('frame 5 of 6');
  });

  used(
    'changed',
    'names for a screen reader whatever is drawn, and the cells that head a row or column',
    async (opened) => {
      const drawings = opened.locator('canvas, svg:not([aria-hidden])');
      for (const drawing of await drawings.all()) {
        expect(await drawing.getAttribute('role')).toBe('img');
        expect(await drawing.getAttribute('aria-label')).toMatch(/\w/);
      }
      expect(await opened.locator('#curves figure > svg').first().getAttribute('aria-label')).toMatch(
        /^PSNR, dB, frame by frame, first frame to last: before\/run \d.* to \d.*; after\/run /,
      );
      expect(await opened.locator('th:not([scope])').count()).toBe(0);
      expect(await opened.getByRole('status').textContent()).toBe('frame 1 of 6');
    },
  );

  used('changed', 'can be read in dark mode as in light', async (opened) => {
    const worst = `(() => {
      const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (colour) => numbers(colour).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)).reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
      const probe = document.body.appendChild(document.createElement('span'));
      const drawn = (colour) => { probe.style.color = colour; return light(getComputedStyle(probe).color); };
      const ground = drawn('Canvas');
      return Math.min(...['var(--first)', 'var(--second)', 'var(--failed)', 'var(--followed)'].map((name) => drawn(name)).map((value) => (Math.max(value, ground) + 0.05) / (Math.min(value, ground) + 0.05)));
    })()`;
    for (const colorScheme of ['light', 'dark'] as const) {
      await opened.emulateMedia({ colorScheme });
      expect(await opened.evaluate(worst), colorScheme).toBeGreaterThan(4.5);
    }
  });

  used('changed', 'tells two runs of one name apart, and what one gained and lost', async (opened) => {
    expect(await opened.locator('#title').textContent()).toBe('before/run beside after/run');
    const compared = await opened.locator('#comparison').textContent();
    expect(compared).toContain(
      '3 samples are in both, with the same truth; 0 only in before/run, 1 only in after/run',
    );
    expect(compared).toContain(
      'followed by both: 1; by before/run only: 1; by after/run only: 1; by neither: 0',
    );
    expect(await opened.locator('#comparison tbody th').allTextContents()).toEqual(['psnr', 'ssim']);
    const following = await opened.locator('#following tbody tr').allTextContents();
    expect(following[0]).toMatch(
      /^commanded100.0 %43.9 % to 100.0 %by colour .*n = 3100.0 %51.0 % to 100.0 %.*n = 4$/,
    );
    expect(following.at(-1)).toMatch(/^chance50.0 %/);
    await opened.selectOption('#order', 'failures');
    expect((await names(opened)).sort()).toEqual(['scene 1: push block 1', 'scene 2: push block 2']);
    const rows = await opened.locator('#groups tbody tr').allTextContents();
    expect(rows).toEqual([
      expect.stringMatching(/^stack1.*1 of 1.*0 of 1/),
      expect.stringMatching(/^push2.*1 of 2.*2 of 2/),
    ]);
  });

  used('changed', 'gives every curve its whole name', async (opened) => {
    const legend = opened.locator('#curves figure').nth(1).locator('.legend li');
    expect(await legend.allTextContents()).toEqual([
      'before/run: other command',
      'before/run: other noise',
      'after/run: other command',
      'after/run: other noise',
    ]);
    for (const entry of await legend.all()) {
      const box = await entry.boundingBox();
      const figure = await opened.locator('#curves figure').nth(1).boundingBox();
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(
        (figure?.x ?? 0) + (figure?.width ?? 0) + 1,
      );
    }
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
    expect(await map.count()).toBe(2);
    expect(await opened.locator('#maps figcaption').first().textContent()).toBe(
      'other command, white is 30.00',
    );
    const reds = (selector: string, nth: number): Promise<number[]> =>
      opened.evaluate(`[8, 24].map((x) => Math.max(...document.querySelectorAll('${selector}')[${nth}]
        .getContext('2d').getImageData(x, 12, 1, 1).data.slice(0, 3)))`);
    expect(await reds('#maps canvas', 0)).toEqual([0, 255]);
    await drawn(opened);
    // The swapped clip of the first sample: as it is, then what changes in it.
    expect((await reds('.sample canvas', 3))[0]).toBeGreaterThan(60);
    await opened.check('#change');
    const [still = 255, moved = 0] = await reds('.sample canvas', 3);
    expect([still < 40, moved > 120]).toEqual([true, true]);
    expect((await reds('.sample canvas', 1))[0]).toBeGreaterThan(60);
  });

  used('own', "groups a user's own episodes by their commands", async (opened) => {
    expect(await opened.locator('#groups tbody th').allTextContents()).toEqual([
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
    expect(await opened.locator('#curves polyline').count()).toBe(6);
    expect(await opened.locator('#scores thead th').allTextContents()).toEqual([
      '',
      'first',
      'second',
      'how',
    ]);
  });
});

describe('two runs', () => {
  it('are compared sample for sample', async () => {
    const [a, b] = [
      await reported(join(folder, 'before', 'run')),
      await reported(join(folder, 'after', 'run')),
    ];
    const { shared, only, differences, followed } = await compareRuns(a, b);
    expect(shared).toEqual(['scene 0', 'scene 1', 'scene 2']);
    expect(only).toEqual([0, 1]);
    expect(followed).toEqual({ both: 1, first: 1, second: 1, neither: 0 });
    const [psnr] = differences;
    // Levels off the truth: 4, 10 and 20; 5, 1 and 40.
    const gains = [20 * Math.log10(4 / 5), 20 * Math.log10(10 / 1), 20 * Math.log10(20 / 40)];
    expect(psnr).toMatchObject({ name: 'psnr', unit: 'dB', count: 3, leftOut: 0 });
    expect(psnr?.mean).toBeCloseTo(
      ((gains[0] as number) + (gains[1] as number) + (gains[2] as number)) / 3,
      2,
    );
    expect(psnr?.interval[0]).toBeCloseTo(gains[2] as number, 0);
    expect(psnr?.interval[1]).toBeCloseTo(gains[1] as number, 0);
  });

  it('leave out of a difference what is exactly the truth, and say so', async () => {
    const [a, b] = [await reported(await save('exact', [40, 50, 60])), await reported(join(folder, 'first'))];
    const { differences } = await compareRuns(a, b);
    expect(differences[0]).toMatchObject({ name: 'psnr', count: 2, leftOut: 1 });
    expect(differences[1]).toMatchObject({ name: 'ssim', count: 3, leftOut: 0 });
  });

  it('of other truths, commands or samples are not', async () => {
    const first = join(folder, 'first');
    const other = await save('other-truth', [50, 70, 44], { truth: 41 });
    const { exitCode, stderr } = await aid(['report', first, '--compare', other]);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^aid: .*other-truth: "scene 0" has another command or truth than in .*first; .*\n$/,
      ),
    ]);
    const { run, scores } = await reported(first);
    const renamed = {
      ...run,
      samples: run.samples.map((sample) => ({ ...sample, name: `${sample.name}b` })),
    };
    await expect(compareRuns({ run, scores }, { run: renamed, scores })).rejects.toThrow('no sample of');
    const told = { ...run, samples: run.samples.map((sample) => ({ ...sample, instruction: 'x' })) };
    await expect(compareRuns({ run, scores }, { run: told, scores })).rejects.toThrow('has another command');
  });
});

it('says of a sample that it is not scored', async () => {
  const run = readSavedRun(join(folder, 'first'));
  const scores = await scoreRun(run);
  const html = await reportPage({ run, scores: { ...scores, samples: scores.samples.slice(1) } });
  const [, json = ''] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(html) ?? [];
  const { samples } = JSON.parse(json) as { samples: { name: string; scores: unknown[] }[] };
  expect(samples.at(-1)).toMatchObject({ name: 'scene 0', scores: [null] });
  expect(html).toContain("'not scored'");
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
