// `npm run test:valgrind`: a program that calls every native function, under valgrind's memcheck. An error or a leak
// with a frame of ours fails; what Node does by itself is counted only.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildApart, root } from '../native-build.js'

const { directory, env } = buildApart('valgrind', 'g++', ['-O1', '-fno-omit-frame-pointer'])
const log = join(directory, 'log.txt')
const program = fileURLToPath(new URL('every-function.js', import.meta.url))
const options = [
  // V8 writes code as it goes.
  '--smc-check=all-non-file',
  '--leak-check=full',
  '--show-leak-kinds=definite,indirect,possible',
  '--num-callers=40',
  `--log-file=${log}`,
]
const { status, error } = spawnSync('valgrind', [...options, process.execPath, program], {
  cwd: root,
  env,
  stdio: 'inherit',
})
if (error) throw error

// Blocks begin with an unindented line; frames follow: "==4711==    at 0x...: Open(int, int, int) (posix.cc:30)".
const blocks = readFileSync(log, 'utf8')
  .replaceAll(/^==\d+== ?/gm, '')
  .split(/\n(?=\S)/)
const withFrames = blocks.filter((block) => /^\s+(at|by) 0x/m.test(block))
const sources = /\((binding|batch|watcher|posix|linux)\.(cc|h):\d+\)|net_sockopt\.node/
const ours = withFrames.filter((block) => sources.test(block))
for (const block of ours) console.error(block)
console.log(
  `${ours.length} reports of valgrind with a frame of ours, ${withFrames.length - ours.length} others`,
)
process.exit(status === 0 && ours.length === 0 ? 0 : 1)
