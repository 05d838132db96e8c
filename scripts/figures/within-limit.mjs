// Pictures small enough for a repository.
const LIMIT = 300_000;
const QUALITIES = [90, 80, 70, 60, 50, 40];

/** The best quality that stays below the limit, or the lowest. */
export async function withinLimit(encode) {
  let picture;
  for (const quality of QUALITIES) {
    picture = await encode(quality);
    if (picture.length < LIMIT) break;
  }
  return picture;
}
