// A newer Debian in a folder, for its Wine 10: Node 24 and 26 for Windows do not start in Wine 8 (V8's
// SegmentedTable wants more address space than it gives), and Wine 10 has TCP_KEEPIDLE and its kin.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const release = 'trixie'

/** Does this version of Node need it? */
export const wantsNewer = (version) => Number(version) >= 24

/** The folder, made if need be: about 110 s and 1.1 GB. Root only, from the mirror that apt has. */
export function debianIn(directory) {
  const root = join(directory, `debian-${release}`)
  if (existsSync(join(root, 'usr', 'lib', 'wine', 'wine64'))) return root
  const args = ['--mode=root', '--variant=apt', '--include=wine64,libwine', release, root]
  const { status, error } = spawnSync('mmdebstrap', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (error || status !== 0)
    throw new Error(`mmdebstrap cannot make ${root}; apt-get install mmdebstrap`)
  return root
}

/**
 * A command that runs another one in the folder, which has the project at the same place as outside. What is
 * mounted is gone when the command ends.
 */
export function inside(root, project) {
  const mounts = ['/proc', '/dev', '/etc/hosts', project].map(
    (path) =>
      `mkdir -p "$R$(dirname ${path})" && { [ -d ${path} ] && mkdir -p "$R${path}" || touch "$R${path}"; } && mount --rbind ${path} "$R${path}"`,
  )
  const enter = `exec chroot "$R" sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"`
  return ['unshare', '--mount', 'sh', '-c', [`R=${root}`, ...mounts, enter].join(' && '), 'inside']
}
