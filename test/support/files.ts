import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { isWindows } from './system.js'

/** Where a local server can listen: a Unix socket, or a named pipe on Windows. */
export function localPath(name: string): string {
  return isWindows ? `\\\\.\\pipe\\${randomUUID()}-${name}` : temporaryPath(name)
}

/** A path in a directory of the test's own, which is removed afterwards. */
export function temporaryPath(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'net-sockopt-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, name)
}
