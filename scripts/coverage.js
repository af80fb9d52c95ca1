// `npm run coverage`: what the tests reach of lib/ and native/, as tables and, line by line, in coverage/. A line of
// native/ that is not reached must have its reason in native/uncovered.json, and a reason its line.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildApart, root, run } from './native-build.js'
import { runSuite } from './suite.js'

const llvm = (tool) => process.env[tool.toUpperCase().replace('-', '_')] ?? `${tool}-16`
const output = join(root, 'coverage')
rmSync(output, { recursive: true, force: true })

// Counters are mapped into the file, since many a test ends its process by a signal.
const flags = [
  '-fprofile-instr-generate',
  '-fcoverage-mapping',
  '-mllvm',
  '-runtime-counter-relocation',
]
const { directory, binary, env } = buildApart('coverage', process.env.CLANG ?? 'clang++-16', [
  ...flags,
  '-O0',
])
const profiles = join(directory, 'profiles')
mkdirSync(profiles)
const measuring = { ...env, LLVM_PROFILE_FILE: join(profiles, '%p%c.profraw') }

const status = runSuite('vitest-coverage', {
  env: measuring,
  args: [
    '--testTimeout=60000',
    '--coverage',
    // Programs that judge the kernel, which tests run as such.
    '--coverage.exclude=lib/lab/**',
    '--coverage.exclude=lib/cli/**',
    '--coverage.reporter=text',
    '--coverage.reporter=html',
    `--coverage.reportsDirectory=${join(output, 'lib')}`,
    // Loads, and programs of their own, that reach nothing further.
    ...['examples', 'documentation', 'robustness/closed-sockets'].flatMap((name) => [
      '--exclude',
      `test/${name}.test.ts`,
    ]),
    ...process.argv.slice(2),
  ],
})
run(process.execPath, ['scripts/valgrind/every-function.js'], { env: measuring })

const merged = join(directory, 'merged.profdata')
const raw = readdirSync(profiles).map((name) => join(profiles, name))
run(llvm('llvm-profdata'), ['merge', '-sparse', '--failure-mode=all', ...raw, '-o', merged])
const ofNative = [binary, `-instr-profile=${merged}`]
const html = ['-format=html', `-output-dir=${join(output, 'native')}`]
run(llvm('llvm-cov'), ['show', ...ofNative, ...html])
run(llvm('llvm-cov'), ['report', ...ofNative, '-show-branch-summary=false'])

/** The lines that were compiled and never run, by file. */
function uncovered() {
  const lcov = execFileSync(llvm('llvm-cov'), ['export', '-format=lcov', ...ofNative], {
    encoding: 'utf8',
  })
  const found = []
  for (const part of lcov.split('end_of_record')) {
    const path = /^SF:(.*)$/m.exec(part)?.[1]
    // Functions in headers are others'.
    if (path === undefined || !path.startsWith(join(root, 'native'))) continue
    const lines = readFileSync(path, 'utf8').split('\n')
    for (const [, number] of part.matchAll(/^DA:(\d+),0$/gm)) {
      const text = lines[number - 1].trim()
      // An end of a block says nothing of its own.
      if (text !== '}') found.push({ file: relative(root, path), number, text })
    }
  }
  return found
}

const reasons = JSON.parse(readFileSync(join(root, 'native', 'uncovered.json'), 'utf8'))
const matches = (line, reason) => line.file === reason.file && reason.lines.includes(line.text)
const lines = uncovered()
const unexplained = lines.filter((line) => !reasons.some((reason) => matches(line, reason)))
for (const { file, number, text } of unexplained) {
  console.error(`${file}:${number} is not reached, and has no reason: ${text}`)
}
let idle = 0
for (const { file, lines: texts } of reasons) {
  for (const text of texts) {
    if (lines.some((line) => line.file === file && line.text === text)) continue
    console.error(
      `native/uncovered.json gives a reason for what is reached, or gone: ${file}: ${text}`,
    )
    idle++
  }
}
console.log(`${lines.length} lines of native/ not reached, ${unexplained.length} without a reason`)
process.exit(unexplained.length + idle > 0 ? 1 : status)
