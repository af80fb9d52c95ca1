/** Connections as netstat prints them, an observer that every system has (Linux: net-tools, often not installed). */
import { spawnSync } from 'node:child_process'
import { platform } from '../../platform.js'

const options = {
  linux: ['-antp'],
  darwin: ['-an', '-p', 'tcp'],
  win32: ['-ano', '-p', 'TCP'],
}[platform]

/** The lines with that port at either end; undefined where there is no netstat. */
export function netstatLines(port: number): string[] | undefined {
  // A busy machine has a hundred thousand connections in TIME_WAIT.
  const maxBuffer = 2 ** 28
  const { error, stdout } = spawnSync('netstat', options, { encoding: 'utf8', maxBuffer })
  if (error) return undefined
  return stdout
    .split('\n')
    .filter((line) => addressesIn(line).some((address) => hasPort(address, port)))
    .map((line) => line.trim())
}

/** How many ESTABLISHED connections have the port as their local one, by such lines. */
export function establishedIn(lines: readonly string[], port: number): number {
  const isOurs = (line: string): boolean =>
    hasPort(addressesIn(line)[0] ?? '', port) && line.includes('ESTABLISHED')
  return lines.filter(isOurs).length
}

/** `127.0.0.1:5000`, or `127.0.0.1.5000` on macOS: the local one first. */
function addressesIn(line: string): string[] {
  return line.split(/\s+/).filter((word) => /[\d.\]*][:.]\d+$/.test(word))
}

function hasPort(address: string, port: number): boolean {
  return address.endsWith(`:${port}`) || address.endsWith(`.${port}`)
}
