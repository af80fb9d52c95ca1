/** Kernel settings below /proc/sys/net. Those used here belong to the network namespace, so a private one can set them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** `'core.somaxconn'` and `'core/somaxconn'` are the same, as in sysctl(8). */
function pathOf(name: string): string {
  return `/proc/sys/net/${name.replaceAll('.', '/')}`
}

export function hasSysctl(name: string): boolean {
  return existsSync(pathOf(name))
}

export function sysctl(name: string): string {
  return readFileSync(pathOf(name), 'utf8').trim()
}

/** A setting that is one number. */
export function sysctlNumber(name: string): number {
  const value = Number(sysctl(name))
  if (Number.isNaN(value)) throw new Error(`net.${name} is no number: ${sysctl(name)}`)
  return value
}

/** The kernel refuses a value out of its range with EINVAL. Only in a scenario with a namespace of its own. */
export function setSysctl(name: string, value: string | number): void {
  writeFileSync(pathOf(name), `${value}\n`)
}
