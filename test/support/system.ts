/** Which system the tests run on, where it matters to them. */
import { platform } from '../../lib/platform.js'

export const isLinux = platform === 'linux'
export const isWindows = platform === 'win32'

/**
 * Wine has Winsock's functions on top of Linux' sockets: it shows that we speak Winsock, not what Windows' TCP
 * does. scripts/windows/wine.js tells that it is there.
 */
export const isWine = process.env.NET_SOCKOPT_WINE !== undefined

/** Windows itself. */
export const isRealWindows = isWindows && !isWine
