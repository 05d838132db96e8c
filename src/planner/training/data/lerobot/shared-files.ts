/** What the episodes of a LeRobot 3.0 data set share: a file holds many of them, and is looked into once. */
import { z } from 'zod';
import { readTimeline, type VideoTimeline } from '../videos/video-file.js';
import { readParquetAs, wholeNumber } from './lerobot-files.js';

export class SharedFiles {
  readonly #timelines = new Map<string, Promise<VideoTimeline>>();
  readonly #firstIndices = new Map<string, Promise<number>>();

  /** Errors: those of `readTimeline`. */
  timeline(file: string): Promise<VideoTimeline> {
    return once(this.#timelines, file, () => readTimeline(file));
  }

  /** `index` of a data file's first row: its place among all rows of the data set. Errors: `invalid-data`. */
  firstIndex(file: string): Promise<number> {
    return once(this.#firstIndices, file, async () => {
      const rows = { columns: ['index'], from: 0, to: 1 };
      const [first] = await readParquetAs(file, rows, z.tuple([z.object({ index: wholeNumber })]));
      return first.index;
    });
  }
}

function once<Value>(
  known: Map<string, Promise<Value>>,
  file: string,
  read: () => Promise<Value>,
): Promise<Value> {
  const value = known.get(file) ?? read();
  known.set(file, value);
  return value;
}
