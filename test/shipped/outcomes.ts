/** What smoke.mjs says of a runtime: each function and each option, 'ok' or an error. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { certificate } from '../support/certificate.js'

export interface Outcomes {
  /** By name: 'ok', or code and message. */
  features: Record<string, string>
  /** By name: 'ok', a code, or '-' where it cannot be tried. */
  options: Record<string, { get: string; set: string }>
}

const smoke = fileURLToPath(new URL('smoke.mjs', import.meta.url))

/** Runs it with a command, which may have arguments, on a package or on dist/ of this one. */
export async function outcomesOf(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
  name = fileURLToPath(new URL('../../dist/index.js', import.meta.url)),
): Promise<Outcomes> {
  const directory = mkdtempSync(join(tmpdir(), 'net-sockopt-'))
  try {
    const { key, cert } = await certificate()
    const [keyFile, certificateFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    writeFileSync(keyFile, key)
    writeFileSync(certificateFile, cert)
    const [program, ...args] = [...command, smoke, name, keyFile, certificateFile]
    // What is shipped, not what this checkout has built.
    const all = { ...process.env, PREBUILDS_ONLY: '1', ...env }
    const { status, signal, stdout, stderr } = spawnSync(program, args, {
      env: all,
      encoding: 'utf8',
      timeout: 100_000,
    })
    expect({ status, signal }, stderr).toEqual({ status: 0, signal: null })
    return JSON.parse(stdout) as Outcomes
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Only what is not as in the other: features, and options as 'get: code' or 'set: code'. */
export function differences(
  those: Outcomes,
  from: Outcomes,
): { features: Record<string, string>; options: Record<string, string> } {
  expect(Object.keys(those.features)).toEqual(Object.keys(from.features))
  expect(Object.keys(those.options)).toEqual(Object.keys(from.options))
  const options = Object.entries(those.options).flatMap(([name, { get, set }]) => {
    const other = from.options[name]
    if (get !== other?.get) return [[name, `get: ${get}`]]
    return set === other.set ? [] : [[name, `set: ${set}`]]
  })
  const features = Object.entries(those.features).filter(
    ([name, outcome]) => outcome !== from.features[name],
  )
  return {
    features: Object.fromEntries(features),
    options: Object.fromEntries(options) as Record<string, string>,
  }
}
