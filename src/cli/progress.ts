/** How far a command is, on stderr, for people who watch. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** What is going on, until there are steps to count. */
  phase(text: string): void;
  step(done: number, total: number, text: string): void;
  /** Leaves the line empty. */
  end(): void;
}

export const silence: Progress = { phase() {}, step() {}, end() {} };

/** A line that is drawn over and over; silent where stderr is no terminal. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return silence;
  const bar = new SingleBar(
    {
      stream,
      format: '{text} {bar} {value}/{total} steps, {eta_formatted} left',
      barsize: 30,
      clearOnComplete: true,
      // Ctrl-C is ours.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let isCounting = false;
  const clear = (): boolean => stream.write('\r\x1b[K');
  const stop = (): void => {
    if (isCounting) bar.stop();
    isCounting = false;
    clear();
  };
  return {
    phase(text) {
      stop();
      stream.write(`${text} ...`);
    },
    step(done, total, text) {
      if (!isCounting) {
        clear();
        bar.start(total, done, { text });
        isCounting = true;
      } else bar.update(done, { text });
    },
    end: stop,
  };
}
