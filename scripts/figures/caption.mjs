// Words for pictures, drawn by sharp with the machine's own sans-serif font.
import sharp from 'sharp';
import { SetUpError } from '../set-up.mjs';

const FONT_SIZE = 13;
export const LINE_HEIGHT = 18;
/** Of an average letter of that size. */
const LETTER_WIDTH = 7;

/** A picture of the words, black on white, in as many lines as fit `lines`. */
export function caption(text, { width, lines = 1 }) {
  const rows = wrapped(text, Math.floor(width / LETTER_WIDTH)).slice(0, lines);
  const spans = rows.map((row, i) => `<text x="2" y="${i * LINE_HEIGHT + FONT_SIZE}">${escaped(row)}</text>`);
  const height = lines * LINE_HEIGHT;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<g font-family="DejaVu Sans, sans-serif" font-size="${FONT_SIZE}" fill="black">${spans.join('')}</g></svg>`,
  ];
  return Buffer.from(svg.join(''));
}

/** Without a font every letter is the same empty box, and no error says so. Errors: SetUpError. */
export async function checkFont() {
  const ink = async (text) => (await sharp(caption(text, { width: 120 })).stats()).channels[0].sum;
  if ((await ink('iiii')) === (await ink('WWWW')))
    throw new SetUpError('this machine has no font for the captions: install one, such as fonts-dejavu-core');
}

function wrapped(text, letters) {
  const rows = [''];
  for (const word of text.split(' ')) {
    const row = rows.at(-1);
    if (row !== '' && row.length + 1 + word.length > letters) rows.push(word);
    else rows[rows.length - 1] = row === '' ? word : `${row} ${word}`;
  }
  return rows;
}

const escaped = (text) => text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
