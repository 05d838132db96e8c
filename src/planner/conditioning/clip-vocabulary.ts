/** CLIP's byte-level vocabulary: how text is cut before byte-pair encoding, and the files that say the rest. */

/** What CLIP takes as one word: a contraction's ending, letters, one digit, or other signs in a row. */
export const CLIP_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
const clipSplit = new RegExp(CLIP_SPLIT, 'gu');

export const START_OF_TEXT = '<|startoftext|>';
export const END_OF_TEXT = '<|endoftext|>';
export const END_OF_WORD = '</w>';

/** The words of a text as CLIP cuts it, in lower case and Unicode's composed form (NFC). */
export function clipWords(text: string): string[] {
  return lowerCase(text.normalize('NFC')).match(clipSplit) ?? [];
}

/** Character by character, as the tokenizers do: a capital sigma at a word's end is a plain small one. */
function lowerCase(text: string): string {
  return replaceFinalSigma(text).toLowerCase();
}

/** Keeps `toLowerCase` from looking at a sigma's neighbours. */
export function replaceFinalSigma(text: string): string {
  return text.replaceAll('Σ', 'σ');
}

/**
 * Each byte and the visible character that stands for it, in the order of CLIP's ids (GPT-2's
 * bytes_to_unicode): the visible Latin-1 characters stand for themselves, the rest are moved up by 256.
 */
const BYTE_CHARACTERS: ReadonlyMap<number, string> = (() => {
  const isVisible = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const hidden = bytes.filter((byte) => !isVisible(byte));
  return new Map([
    ...bytes.filter(isVisible).map((byte) => [byte, String.fromCharCode(byte)] as const),
    ...hidden.map((byte, index) => [byte, String.fromCharCode(256 + index)] as const),
  ]);
})();

/** The 256 characters that stand for bytes, in the order of CLIP's ids. */
export function byteCharacters(): string[] {
  return [...BYTE_CHARACTERS.values()];
}

/** A word's UTF-8 bytes as those characters. */
export function asByteCharacters(word: string): string[] {
  return Array.from(new TextEncoder().encode(word), (byte) => BYTE_CHARACTERS.get(byte) as string);
}

/** The `tokenizer.json` of transformers' CLIPTokenizerFast for a vocabulary and its merges, in rank order. */
export function clipTokenizerJson(
  vocab: Readonly<Record<string, number>>,
  merges: readonly (readonly [string, string])[],
): Record<string, unknown> {
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: CLIP_SPLIT }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [END_OF_TEXT, vocab[END_OF_TEXT]],
      cls: [START_OF_TEXT, vocab[START_OF_TEXT]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      unk_token: END_OF_TEXT,
      continuing_subword_prefix: '',
      end_of_word_suffix: END_OF_WORD,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges,
    },
  };
}
