import { defineConfig } from 'vitest/config'

// scripts/test-node-versions.js names a report for each version.
const report = `reports/${process.env.REPORT ?? 'vitest'}.json`

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // What is packed has a configuration of its own, and npm scripts.
    exclude: ['test/shipped/**'],
    // Each file in a process of its own: tests look at descriptors, warnings and signals of the process.
    pool: 'forks',
    // Most of the time they wait for the kernel, so more than one per core.
    maxWorkers: 3,
    // Runners are shared: a time that the kernel dictates may slip there once. vitest marks what was tried again.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    reporters: process.env.CI ? ['default', ['json', { outputFile: report }]] : ['default'],
    coverage: { provider: 'v8', include: ['lib/**'] },
  },
})
