/** The bare system calls, looped in C (native/floor.cc), and the options of the bench as it takes them. */
import { createRequire } from 'node:module'

export const floor = createRequire(import.meta.url)('./native/build/Release/floor.node')

/** Levels and options as Linux numbers them. */
export const SOL_SOCKET = 1
export const IPPROTO_TCP = 6
export const SO_KEEPALIVE = 9
export const SO_LINGER = 13
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_KEEPCNT = 6
export const TCP_USER_TIMEOUT = 18

/** The options, with the two values that setters write in turn. */
export const calls = {
  SO_KEEPALIVE: { level: SOL_SOCKET, option: SO_KEEPALIVE, values: [[1], [1]] },
  SO_LINGER: {
    level: SOL_SOCKET,
    option: SO_LINGER,
    values: [
      [1, 5],
      [1, 6],
    ],
  },
  TCP_KEEPIDLE: { level: IPPROTO_TCP, option: TCP_KEEPIDLE, values: [[60], [61]] },
  TCP_KEEPINTVL: { level: IPPROTO_TCP, option: TCP_KEEPINTVL, values: [[10], [11]] },
  TCP_KEEPCNT: { level: IPPROTO_TCP, option: TCP_KEEPCNT, values: [[3], [4]] },
  TCP_USER_TIMEOUT: { level: IPPROTO_TCP, option: TCP_USER_TIMEOUT, values: [[30_000], [31_000]] },
}

/** struct OptionCall in native/floor.cc, one behind the other. */
export function encode(list) {
  return Int32Array.from(
    list.flatMap(({ level, option, values: [first, second] }) => [
      ...[level, option, first.length],
      ...[first[0], first[1] ?? 0],
      ...[second[0], second[1] ?? 0],
    ]),
  )
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)

/** The sum of all ints of all options, as getters return it. */
export function sumOf(list, which) {
  return sum(list.map(({ values }) => sum(values[which])))
}

/** Gives each option its first or second value. */
export function put(fd, list, which) {
  const encoded = encode(
    list.map((call) => ({ ...call, values: Array(2).fill(call.values[which]) })),
  )
  const result = floor.set(fd, encoded, 1)
  if (result !== 0) throw new Error(`setsockopt failed (errno ${-result})`)
}

/** Throws unless the kernel has the first or second value of each option. */
export function verify(fd, list, which, who) {
  for (const call of list) {
    const expected = sum(call.values[which])
    const found = floor.get(fd, encode([call]), 1)
    if (found !== expected) {
      throw new Error(`${who}: the kernel has ${found} for option ${call.option}, not ${expected}`)
    }
  }
}
