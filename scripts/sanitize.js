// Runs the test suite with an addon that checks itself: AddressSanitizer and UndefinedBehaviorSanitizer. Any report
// fails, also one of a child process. `node scripts/sanitize.js [test files]`
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApart } from './native-build.js'
import { runSuite } from './suite.js'

// clang's runtime has both in one library; g++'s writes only one's reports to files.
const compiler = process.env.CLANG ?? 'clang++-16'
const checks = '-fsanitize=address,undefined,float-cast-overflow'
const flags = [
  checks,
  '-shared-libasan',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
  '-O1',
]
const { directory, env } = buildApart('sanitize', compiler, flags)

const reports = join(directory, 'reports')
mkdirSync(reports)
// node has no sanitizer of its own, so the runtime must be there before it.
const library = `-print-file-name=libclang_rt.asan-${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch]}.so`
const runtime = execFileSync(compiler, [library], { encoding: 'utf8' }).trim()
const status = runSuite('vitest-sanitize', {
  env: {
    ...env,
    LD_PRELOAD: runtime,
    // What Node itself leaves at its end is not ours; leaks are valgrind's part.
    ASAN_OPTIONS: `detect_leaks=0:log_path=${join(reports, 'report')}`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  },
  args: [
    // It is several times slower; examples and loads judge time, and reach nothing further.
    '--testTimeout=120000',
    ...['examples', 'documentation', 'robustness/closed-sockets', 'listener/processes'].flatMap(
      (name) => ['--exclude', `test/${name}.test.ts`],
    ),
    ...process.argv.slice(2),
  ],
})

const found = readdirSync(reports)
for (const name of found) console.error(readFileSync(join(reports, name), 'utf8'))
console.log(`${found.length} reports of the sanitizers`)
process.exit(found.length > 0 ? 1 : status)
