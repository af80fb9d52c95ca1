/** The named ioctl requests, as {@link ./options.ts} has the options: a row per request, a column per platform. */
import type { Codec } from './codec/codec.js'
import { bool, bytes } from './codec/numbers.js'
import type { Platform } from './platform.js'

export interface IoctlRow {
  readonly numbers: Partial<Record<Platform, number>>
  /** What the request writes. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each row has its own value type
  readonly value: Codec<any, any>
  readonly about: string
  readonly note?: string
}

// prettier-ignore
export const ioctlTable = {
  FIONREAD: { numbers: { linux: 0x541b, darwin: 0x4004667f, win32: 0x4004667f }, value: bytes,
    about: 'Bytes that can be read at once.', note: 'EINVAL on a listening TCP socket (Linux).' },
  SIOCATMARK: { numbers: { linux: 0x8905, darwin: 0x40047307, win32: 0x40047307 }, value: bool,
    about: 'Is the next byte the one behind urgent data?' },
  SIOCOUTQ: { numbers: { linux: 0x5411 }, value: bytes,
    about: 'Bytes written that the peer has not acknowledged, sent or not.', note: 'macOS has SO_NWRITE. EINVAL on a listening TCP socket.' },
  SIOCOUTQNSD: { numbers: { linux: 0x894b }, value: bytes,
    about: 'Bytes written that have not been sent at all.' },
} as const satisfies Record<string, IoctlRow>
