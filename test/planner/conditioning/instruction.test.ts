import { describe, expect, test } from 'vitest';
import { checkInstruction } from '#planner/conditioning/instruction.js';

describe('an instruction', () => {
  test('is trimmed, and its words counted', () => {
    expect(checkInstruction('  put the corn\n in   the pot ')).toEqual({
      text: 'put the corn\n in   the pot',
      wordCount: 6,
    });
  });

  test('may be very long', () => {
    expect(checkInstruction('word '.repeat(10_000)).wordCount).toBe(10_000);
  });

  test.each(['', '   ', '\n\t', '\u00a0\ufeff'])('is refused when it is empty: %j', (text) => {
    expect(() => checkInstruction(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test('is refused when it is not text', () => {
    expect(() => checkInstruction(undefined as unknown as string)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('undefined') }),
    );
  });
});
