/** Which system the tests run on, where it matters to them. */
import { platform } from '../../lib/platform.js'

export const isLinux = platform === 'linux'
export const isWindows = platform === 'win32'

/**
 * Wine has Winsock's functions on top of Linux' sockets: it shows that we speak Winsock, not what Windows' TCP
 * does. scripts/windows/wine.js tells that it is there, and its version.
 */
export const isWine = process.env.NET_SOCKOPT_WINE !== undefined

/** The Wine of Debian 12; Wine 10 knows more. */
export const isWine8 = process.env.NET_SOCKOPT_WINE === '8'

/** Windows itself. */
export const isRealWindows = isWindows && !isWine
