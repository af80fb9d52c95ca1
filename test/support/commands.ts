import { spawnSync } from 'node:child_process'

/** Can the command be run here? */
export function commandExists(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined
}
