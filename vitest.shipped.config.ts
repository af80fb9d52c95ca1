/** What is shipped, as users have it: the tests of test/shipped/, which need prebuilds/ (npm run prebuild). */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/shipped/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // They install packages, compile, and start emulators.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Each npm script names its report.
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
  },
})
