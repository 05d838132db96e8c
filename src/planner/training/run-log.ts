/** `log.jsonl` of a run: an event a line. */
import { existsSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError } from '../errors.js';

const stepLine = z.object({ kind: z.literal('step'), step: z.int() });

export class RunLog {
  constructor(readonly path: string) {}

  /** Takes out all that was written after that step, and a line that was cut short. */
  async startAfter(step: number): Promise<void> {
    if (!existsSync(this.path)) return;
    const text = await readFile(this.path, 'utf8');
    const lines = text.split('\n').slice(0, -1);
    const end = lines.findIndex((line) => isAfter(line, step));
    const kept = end < 0 ? lines : lines.slice(0, end);
    const whole = kept.map((line) => `${line}\n`).join('');
    if (whole !== text) await writeFileAtomically(this.path, (file) => file.writeFile(whole));
  }

  /** Errors: `io-failed`. */
  async append(event: unknown): Promise<void> {
    try {
      await appendFile(this.path, `${JSON.stringify(event)}\n`);
    } catch (cause) {
      throw new AidError('io-failed', `${this.path}: could not be written: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

function isAfter(line: string, step: number): boolean {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return true;
  }
  const parsed = stepLine.safeParse(event);
  return parsed.success && parsed.data.step > step;
}
