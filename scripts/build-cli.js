// Bundles the one file of the command line tool that uses a library, after tsc has made dist/: users
// install no dependency for it. The library's licence travels in the file.
import { build } from 'esbuild'

await build({
  entryPoints: ['lib/cli/table.ts'],
  outfile: 'dist/cli/table.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // cli-table3 is CommonJS and asks for node's own modules.
  banner: {
    js: [
      '// Holds cli-table3 (c) James Talmage and string-width (c) Sindre Sorhus, both MIT licence.',
      "import { createRequire } from 'node:module'",
      'const require = createRequire(import.meta.url)',
    ].join('\n'),
  },
  legalComments: 'inline',
  logLevel: 'warning',
})
