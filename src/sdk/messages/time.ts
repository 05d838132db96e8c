/** Times and durations between numbers and messages. */
import type { Duration, Time } from './messages.js';

const NS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds; negative ones have negative seconds and positive nanoseconds, as ROS has it. */
export function timeFromNs(ns: bigint): Time {
  const nanosec = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return { sec: Number((ns - nanosec) / NS_PER_SECOND), nanosec: Number(nanosec) };
}

export function nsFromTime({ sec, nanosec }: Time): bigint {
  return BigInt(sec) * NS_PER_SECOND + BigInt(nanosec);
}

export function durationFromMs(ms: number): Duration {
  return timeFromNs(BigInt(Math.round(ms * 1e6)));
}

export function msFromDuration({ sec, nanosec }: Duration): number {
  return sec * 1000 + nanosec / 1e6;
}
