// The test suite, without what is the same whatever runs it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What the kernel does, whatever Node or the addon ask it, and how the ordinary binary looks: once is enough. */
const independent = ['test/behaviours/**', 'test/cli/**', 'test/native/**']

/** Its exit code. `report` names the JSON report that vitest writes in CI. */
export function runSuite(report, { node = process.execPath, env = process.env, args = [] } = {}) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const excluded = independent.flatMap((files) => ['--exclude', files])
  const options = { cwd: root, env: { ...env, REPORT: report }, stdio: 'inherit' }
  return (
    spawnSync(node, [vitest, 'run', '--typecheck.enabled=false', ...excluded, ...args], options)
      .status ?? 1
  )
}
