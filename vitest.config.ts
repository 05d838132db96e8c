import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    // Only what hangs: a busy machine is no failure.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
