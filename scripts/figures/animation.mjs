// Clips of one scene, playing beside each other.
import { encodeAnimatedWebp } from 'aid-planner';
import sharp from 'sharp';
import { caption, LINE_HEIGHT } from './caption.mjs';
import { withinLimit } from './within-limit.mjs';

const GAP = 4;
/** Pixels across, of each clip. */
const WIDTH = 208;
const LINES = 2;
/** How long the last frame stays, in frames. */
const HELD = 5;

/** An animated WebP, captions below the clips. */
export async function besideEachOther(clips, { framesPerSecond }) {
  const count = clips[0].frames.length;
  const frames = [];
  for (let index = 0; index < count; index++) frames.push(await row(clips, index));
  const all = [...frames, ...Array.from({ length: HELD }, () => frames.at(-1))];
  return withinLimit((quality) => encodeAnimatedWebp(all, { framesPerSecond, quality }));
}

async function row(clips, index) {
  const { width, height } = clips[0].frames[0];
  const tall = Math.round((height * WIDTH) / width);
  const parts = await Promise.all(
    clips.map(async ({ caption: words, frames }, column) => {
      const left = column * (WIDTH + GAP);
      const input = await sharp(Buffer.from(frames[index].data), { raw: { width, height, channels: 3 } })
        .resize(WIDTH, tall)
        .png()
        .toBuffer();
      const below = { input: caption(words, { width: WIDTH, lines: LINES }), left, top: tall + GAP };
      return [{ input, left, top: 0 }, below];
    }),
  );
  const size = { width: clips.length * (WIDTH + GAP) - GAP, height: tall + GAP + LINES * LINE_HEIGHT };
  const data = await sharp({ create: { ...size, channels: 3, background: 'white' } })
    .composite(parts.flat())
    .removeAlpha()
    .raw()
    .toBuffer();
  return { ...size, data };
}
