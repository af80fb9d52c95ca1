/** setsockopt and getsockopt through koffi: the fastest way, and the way one would write it. */
import koffi from 'koffi'

const libc = koffi.load(null)
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)')
const getsockopt = libc.func('int getsockopt(int, int, int, void *, void *)')

function check(result) {
  if (result !== 0) throw new Error(`errno ${koffi.errno()}`)
}

const value = new Int32Array(2)
const length = new Uint32Array(1)

/** Descriptor known, memory allocated beforehand. */
export const prepared = {
  set(fd, level, option, number) {
    value[0] = number
    check(setsockopt(fd, level, option, value, 4))
  },
  get(fd, level, option) {
    length[0] = 4
    check(getsockopt(fd, level, option, value, length))
    return value[0]
  },
  setLinger(fd, level, option, seconds) {
    value[0] = 1
    value[1] = seconds
    check(setsockopt(fd, level, option, value, 8))
  },
  getLinger(fd, level, option) {
    length[0] = 8
    check(getsockopt(fd, level, option, value, length))
    return value[0] === 0 ? null : value[1]
  },
}

/** Given the socket, with a Buffer per call. */
export const typical = {
  set(socket, level, option, number) {
    const buffer = Buffer.alloc(4)
    buffer.writeInt32LE(number)
    check(setsockopt(socket._handle.fd, level, option, buffer, buffer.length))
  },
  get(socket, level, option) {
    const buffer = Buffer.alloc(4)
    check(getsockopt(socket._handle.fd, level, option, buffer, Uint32Array.of(buffer.length)))
    return buffer.readInt32LE()
  },
  setLinger(socket, level, option, seconds) {
    const buffer = Buffer.alloc(8)
    buffer.writeInt32LE(1)
    buffer.writeInt32LE(seconds, 4)
    check(setsockopt(socket._handle.fd, level, option, buffer, buffer.length))
  },
  getLinger(socket, level, option) {
    const buffer = Buffer.alloc(8)
    check(getsockopt(socket._handle.fd, level, option, buffer, Uint32Array.of(buffer.length)))
    return buffer.readInt32LE() === 0 ? null : buffer.readInt32LE(4)
  },
}
