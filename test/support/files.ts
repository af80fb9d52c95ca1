import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A path in a directory of the test's own, which is removed afterwards. */
export function temporaryPath(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'net-sockopt-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, name)
}
