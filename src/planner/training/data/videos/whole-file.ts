/** Whether a video file is whole: ffmpeg, as players have it, reads on over what is missing. */
import type { Demuxer, Packet, Stream } from 'node-av';

/** Formats whose header says how long the video is. */
const DECLARING = /mov|matroska|avi/;
/** Whose reader leaves out what it cannot read. */
const SKIPPING = /matroska/;
/** Bytes between the packets of a whole file: heads of blocks and clusters. */
const MOST_BETWEEN = 100n;
/** Seconds. Sound ends a little before or after what the header says. */
const TOLERANCE = 0.1;

export class WholeFile {
  readonly #format: string;
  /** Seconds, by stream. */
  readonly #units: readonly number[];
  /** Of the byte after the last packet; undefined where the reader does not tell. */
  #place: bigint | undefined;
  /** Bytes of no packet before the next picture. */
  #between = 0n;
  /** Seconds until the end of the pictures so far, and of all streams. */
  #pictures = Number.NEGATIVE_INFINITY;
  #all = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(
    readonly av: typeof import('node-av'),
    readonly input: Demuxer,
    readonly stream: Stream,
  ) {
    const { iformat, streams } = input.getFormatContext();
    this.#format = iformat?.name ?? '';
    this.#units = streams.map(({ timeBase: { num, den } }) => num / den);
  }

  /** Takes the next packet of the file. Errors: when it is damaged, or pictures are missing before it. */
  check(packet: Packet): void {
    const { streamIndex, pts, dts, duration, pos, size } = packet;
    const unit = this.#units[streamIndex] ?? 0;
    const start = Number(pts === this.av.AV_NOPTS_VALUE ? dts : pts) * unit;
    const seconds = Number(duration) * unit;
    if (packet.hasFlags(this.av.AV_PKT_FLAG_CORRUPT))
      throw new Error(`it is cut off or damaged at ${start.toFixed(2)} s`);
    if (pos >= 0n && this.#place !== undefined && pos - this.#place > MOST_BETWEEN)
      this.#between += pos - this.#place;
    this.#place = pos < 0n ? undefined : pos + BigInt(size);
    this.#all = Math.max(this.#all, start + seconds);
    if (streamIndex !== this.stream.index) return;
    const gap = start - this.#pictures;
    // Recorders leave out pictures, too: then there is nothing in their place.
    if (SKIPPING.test(this.#format) && this.#between > 0n && this.#count > 0 && gap > seconds / 2)
      throw new Error(
        `it is damaged: ${this.#between} bytes could not be read, and no picture from ${this.#pictures.toFixed(2)} to ${start.toFixed(2)} s`,
      );
    this.#between = 0n;
    this.#pictures = Math.max(this.#pictures, start + seconds);
    this.#count += 1;
  }

  /** After the last packet. Errors: when the file's header says that there was more. */
  checkEnd(): void {
    if (!DECLARING.test(this.#format)) return;
    const { duration } = this.input.getFormatContext();
    const ofPictures = Number(this.stream.duration) * (this.#units[this.stream.index] ?? 0);
    const [declared, end] =
      ofPictures > 0 ? [ofPictures, this.#pictures] : [Number(duration) / 1e6, this.#all];
    const missing = declared - end;
    if (missing > Math.max(TOLERANCE, (1.5 * end) / this.#count))
      throw new Error(`it is cut off: it ends after ${end.toFixed(2)} of ${declared.toFixed(2)} s`);
  }
}
