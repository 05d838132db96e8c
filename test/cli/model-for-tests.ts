/** A tiny model and a camera frame for the tests of a file. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { encodePng } from '#planner/conditioning/frame.js';
import { picture } from '../planner/conditioning/pictures.js';
import { writeTinyModel } from '../support/tiny-model.js';

export interface TestFiles {
  /** A model folder. */
  readonly model: string;
  /** A PNG file of 64x48 pixels. */
  readonly frame: string;
  /** A copy of the model that a test may break. */
  copyOfModel(): string;
}

/** Written once, before the first test of the file. */
export function filesForTests(): TestFiles {
  const root = mkdtempSync(join(tmpdir(), 'aid-cli-files-'));
  const [model, frame] = [join(root, 'model'), join(root, 'frame.png')];
  let copies = 0;
  beforeAll(async () => {
    await writeTinyModel(model);
    writeFileSync(frame, await encodePng(picture(64, 48)));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return {
    model,
    frame,
    copyOfModel() {
      const copy = join(root, `copy-${copies++}`);
      cpSync(model, copy, { recursive: true });
      return copy;
    },
  };
}
