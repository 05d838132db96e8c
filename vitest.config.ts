import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    // What tests remember is not the user's.
    env: { XDG_CACHE_HOME: fileURLToPath(new URL('node_modules/.cache/aid-planner/tests', import.meta.url)) },
    // Only what hangs: a busy machine is no failure.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
