/** Index of the first time that is not before `time`, of times in their order; their number when there is none. */
export function firstAt(times: ArrayLike<bigint>, time: bigint): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as bigint) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
