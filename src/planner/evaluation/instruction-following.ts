/**
 * Whether an imagined clip did what it was told: is its last frame nearest to the true last frame of that command,
 * among those of all commands possible in the scene?
 *
 * What the measure can see depends on the videos. Where the arm ends somewhere else every time, two true executions
 * of one command differ by the arm and its shadow more than two commands differ by an object: then even a second
 * true execution is seldom nearest to the first, and a model is punished for every future but the recorded one.
 * The distance of the colours alone, without brightness, is told beside it: black arms and grey shadows hardly
 * count in it. So are the rank and the margin.
 */
import type { Frame } from '../conditioning/frame.js';
import { AidError } from '../errors.js';
import { meanSquaredError } from './metrics.js';

/** Distances of one last frame to the true last frame of every command of its scene. */
export interface OutcomeDistances {
  /** Mean squared error of all pixels and colours, 8 bits. */
  readonly pixels: readonly number[];
  /** The same of what is left of each pixel without its mean of red, green and blue. */
  readonly colours: readonly number[];
}

export interface Verdict {
  /** Strictly nearest: a draw is not followed. */
  readonly followed: boolean;
  /** 1 when nearest; among equals the last. */
  readonly rank: number;
  /** (other - own) / (other + own), other being the nearest of the others: 1 best, 0 a draw, -1 worst. */
  readonly margin: number;
}

export function outcomeDistances(last: Frame, outcomes: readonly Frame[]): OutcomeDistances {
  return {
    pixels: outcomes.map((outcome) => meanSquaredError([last], [outcome])),
    colours: outcomes.map((outcome) => colourError(last, outcome)),
  };
}

/** What the distances say of the command at that place. Errors: `invalid-argument`. */
export function verdictOn(distances: readonly number[], command: number): Verdict {
  const own = distances[command];
  if (own === undefined || distances.length < 2)
    throw new AidError(
      'invalid-argument',
      `distances: expected those of at least 2 commands, with ${command} among them, got ${distances.length}`,
    );
  const others = distances.filter((_, index) => index !== command);
  const other = Math.min(...others);
  return {
    followed: own < other,
    rank: 1 + others.filter((distance) => distance <= own).length,
    margin: own === other ? 0 : (other - own) / (other + own),
  };
}

function colourError(a: Frame, b: Frame): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 3) {
    const red = (a.data[i] as number) - (b.data[i] as number);
    const green = (a.data[i + 1] as number) - (b.data[i + 1] as number);
    const blue = (a.data[i + 2] as number) - (b.data[i + 2] as number);
    const grey = (red + green + blue) / 3;
    sum += (red - grey) ** 2 + (green - grey) ** 2 + (blue - grey) ** 2;
  }
  return sum / a.data.length;
}
