import { describe, expect, it } from 'vitest';
import { atOnce, inTurns, type Steps, takingTurns } from '#planner/turns.js';

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function* busySteps(count: number): Steps<string> {
  for (let i = 0; i < count; i++) {
    busyFor(2);
    yield;
  }
  return 'done';
}

describe('work in turns', () => {
  it('lets others run in between, and gives the result', async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      again = setImmediate(count);
    };
    let again = setImmediate(count);
    expect(await inTurns(busySteps(20))).toBe('done');
    clearImmediate(again);
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('passes on what the work throws', async () => {
    function* broken(): Steps<void> {
      yield;
      throw new Error('broken');
    }
    await expect(inTurns(broken())).rejects.toThrow('broken');
    expect(() => atOnce(broken())).toThrow('broken');
  });

  it('pauses for nobody at once, and not before it is time', async () => {
    expect(atOnce(busySteps(3))).toBe('done');
    const rest = takingTurns();
    let others = false;
    setImmediate(() => {
      others = true;
    });
    await rest();
    expect(others).toBe(false);
    busyFor(6);
    await rest();
    expect(others).toBe(true);
  });
});
