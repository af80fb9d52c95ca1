/** Whose Node this is. Others have Node-API too, but not all of libuv and of Node's handles: docs/runtimes.md. */
import { versions } from 'node:process'
import { withCode } from './errors.js'

export type Runtime = 'Node' | 'Bun' | 'Deno'

export const runtime: Runtime =
  versions.bun !== undefined ? 'Bun' : versions.deno !== undefined ? 'Deno' : 'Node'

/** Throws where a feature cannot be had. Never tried first: most of libuv's functions end the process in Bun. */
export function checkRuntime(feature: string, runtimes: readonly Runtime[], instead: string): void {
  if (runtimes.includes(runtime)) return
  const message = `${feature} cannot be had in ${runtime}: ${instead}`
  throw withCode(new Error(message), 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM')
}
