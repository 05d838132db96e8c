import { expect, it } from 'vitest';
import { LatestImage } from '#ros-node/latest-image.js';

const taken = (sec: number) => ({ header: { stamp: { sec, nanosec: 0 }, frame_id: 'camera' } });

it('forgets its picture when the clock jumps back, and takes the next', () => {
  let now = 100_000_000_000n;
  const images = new LatestImage(() => now);
  images.put(taken(100));
  now += 500_000_000n;
  expect(images.ageMs).toBe(500);
  // The bag begins again.
  now = 10_000_000_000n;
  expect(images.ageMs).toBeUndefined();
  images.put(taken(10));
  expect(images.ageMs).toBe(0);
});

it('a camera whose clock runs ahead has fresh pictures', () => {
  const images = new LatestImage(() => 100_000_000_000n);
  images.put(taken(103));
  expect(images.ageMs).toBe(0);
});
