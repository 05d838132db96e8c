// Clips as one picture: a row for each, its caption above some of its frames.
import sharp from 'sharp';
import { caption, LINE_HEIGHT } from './caption.mjs';
import { withinLimit } from './within-limit.mjs';

const GAP = 2;
const ROW_GAP = 8;

/** WebP. `columns` frames of each clip, spread evenly, its first and last among them. */
export async function filmstrips(clips, { columns }) {
  const { width, height } = clips[0].frames[0];
  const across = columns * (width + GAP) - GAP;
  const down = LINE_HEIGHT + height + ROW_GAP;
  const parts = clips.flatMap(({ caption: words, frames }, row) => [
    { input: caption(words, { width: across }), left: 0, top: row * down },
    ...spread(frames, columns).map((frame, column) => ({
      input: Buffer.from(frame.data),
      raw: { width, height, channels: 3 },
      left: column * (width + GAP),
      top: row * down + LINE_HEIGHT,
    })),
  ]);
  const size = { width: across, height: clips.length * down - ROW_GAP };
  const sheet = await sharp({ create: { ...size, channels: 3, background: 'white' } })
    .composite(parts)
    .png()
    .toBuffer();
  return withinLimit((quality) => sharp(sheet).webp({ quality }).toBuffer());
}

const spread = (frames, count) =>
  Array.from({ length: count }, (_, i) => frames[Math.round((i * (frames.length - 1)) / (count - 1))]);
