import { describe, expect, test } from 'vitest';
import { checkInstruction } from '#planner/conditioning/instruction.js';

describe('an instruction', () => {
  test('is trimmed', () => {
    expect(checkInstruction('  put the corn\n in   the pot ')).toBe('put the corn\n in   the pot');
  });

  test('may be very long', () => {
    expect(checkInstruction('word '.repeat(10_000))).toHaveLength(49_999);
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
