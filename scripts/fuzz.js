// `npm run test:fuzz -- --seconds N [--keep]`: libFuzzer on the addon's byte-level entry points (fuzz/native.cc), from
// the corpus in fuzz/corpus. With --keep, what it has found there that reaches more code is added, minimised.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run } from './native-build.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    keep: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
if (!Number.isInteger(seconds) || seconds < 1) throw new RangeError('--seconds must be whole')

const compiler = process.env.CLANG ?? 'clang++-16'
const kept = join(root, 'fuzz', 'corpus')
// Elsewhere than in the tree, which the unprivileged user of the run may not read.
const directory = mkdtempSync(join(tmpdir(), 'net-sockopt-fuzz-'))
const corpus = join(directory, 'corpus')
const binary = join(directory, 'fuzz')

// Also when the compiler fails.
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

const checks = '-fsanitize=fuzzer,address,undefined,float-cast-overflow'
const flags = ['-std=c++20', '-g', '-O1', checks, '-fno-sanitize-recover=all', '-fno-rtti']
const wraps = ['getsockopt', 'setsockopt'].map((name) => `-Wl,--wrap=${name}`)
const sources = ['fuzz/native.cc', 'native/batch.cc', 'native/posix.cc', 'native/linux.cc']
run(compiler, [...flags, ...wraps, ...sources, '-o', binary])

mkdirSync(corpus)
cpSync(kept, corpus, { recursive: true })
for (const path of [directory, corpus]) chmodSync(path, 0o777)
const status = fuzz([corpus, `-max_total_time=${seconds}`, '-max_len=512', '-timeout=10'])
if (status === 0 && values.keep) keep()
process.exitCode = status

/** A request may change an interface, and an option a route: there must be none, and no right to. */
function fuzz(args) {
  const nobody = [
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    '--bounding-set',
    '-all',
  ]
  const command = ['--net', 'setpriv', ...nobody, binary, '-print_final_stats=1', ...args]
  const options = {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  }
  const { status, stderr, error } = spawnSync('unshare', command, options)
  if (error) throw error
  // Its last lines: the figures, or the stack and the input that did it.
  console.log(
    stderr
      .split('\n')
      .slice(status === 0 ? -12 : -80)
      .join('\n'),
  )
  return status ?? 1
}

function keep() {
  const merged = join(directory, 'merged')
  mkdirSync(merged)
  chmodSync(merged, 0o777)
  fuzz(['-merge=1', merged, corpus])
  rmSync(kept, { recursive: true })
  cpSync(merged, kept, { recursive: true })
  console.log(`${readdirSync(kept).length} inputs kept`)
}
