import { describe, expect, it } from 'vitest';
import { branchesFor, combine } from '#planner/diffusion/guidance.js';

const names = (frameGuidance: number, textGuidance: number): string[] =>
  branchesFor({ frameGuidance, textGuidance }).map(({ branch }) => branch);

describe('dual guidance', () => {
  it('computes only the branches that Eq. 8 leaves', () => {
    expect(names(2, 3.5)).toEqual(['none', 'frame', 'full']);
    expect(names(1, 1)).toEqual(['full']);
    expect(names(1, 4)).toEqual(['frame', 'full']);
    expect(names(2, 2)).toEqual(['none', 'full']);
    expect(names(1, 0)).toEqual(['frame']);
    expect(names(0, 0)).toEqual(['none']);
  });

  it('is none + s_frame (frame - none) + s_text (full - frame)', () => {
    const branches = branchesFor({ frameGuidance: 2, textGuidance: 3.5 });
    const [none, frame, full] = [1, 10, 100];
    const [guided] = combine(
      branches,
      [none, frame, full].map((value) => Float32Array.of(value)),
    );
    expect(guided).toBeCloseTo(none + 2 * (frame - none) + 3.5 * (full - frame), 4);
  });

  it('refuses scales that are no numbers and outputs that do not belong together', () => {
    expect(() => names(Number.NaN, 1)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    const branches = branchesFor({ frameGuidance: 2, textGuidance: 2 });
    expect(() => combine(branches, [new Float32Array(2)])).toThrow(/expected 2 outputs/);
    expect(() => combine(branches, [new Float32Array(2), new Float32Array(3)])).toThrow(/of one size/);
  });
});
