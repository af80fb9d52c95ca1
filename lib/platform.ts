/** The systems that the tables have a column for. */
export type Platform = 'linux' | 'darwin' | 'win32'

export const platforms = ['linux', 'darwin', 'win32'] as const satisfies readonly Platform[]

/** What people call them. */
export const platformNames: Record<Platform, string> = {
  linux: 'Linux',
  darwin: 'macOS',
  win32: 'Windows',
}

function isPlatform(name: string): name is Platform {
  return name in platformNames
}

if (!isPlatform(process.platform)) {
  throw new Error(`net-sockopt knows Linux, macOS and Windows, not ${process.platform}`)
}

/** The system this process runs on. */
export const platform: Platform = process.platform
