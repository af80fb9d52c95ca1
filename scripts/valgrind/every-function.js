// Calls every native function, well and badly, in the main thread and in workers that end in different ways.
// Fails if there is one that it does not call.
import { once } from 'node:events'
import net from 'node:net'
import { isMainThread, Worker } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import * as all from 'net-sockopt'
import { native } from '../../dist/binding.js'

const called = new Set(['area', 'areaAddress'])
const call = (name, ...args) => {
  called.add(name)
  return native[name](...args)
}

/** Every function, with what it does not expect. */
function badly() {
  const values = [undefined, -1, 2 ** 40, 'x', {}, new Uint8Array(3), new Float64Array(1)]
  for (const name of Object.keys(native).filter((key) => typeof native[key] === 'function')) {
    if (name === 'Watcher' || name.endsWith('Batch')) continue
    for (const value of values) call(name, value, value, value, value)
  }
  for (const args of [[], [-1, () => {}], [0, 'x']]) {
    try {
      new native.Watcher(...args)
    } catch {
      called.add('Watcher')
    }
  }
}

function sockets() {
  const bytes = new Uint8Array(40_000)
  const fd = call('open', 2, 1, 0)
  call('getBytes', fd, 1, 7, bytes)
  call('setBytes', fd, 1, 2, Uint8Array.of(1, 0, 0, 0))
  call('bind', fd, new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
  call('listen', fd, 5)
  call('accept', fd)
  const watcher = new native.Watcher(fd, () => {})
  watcher.close()
  for (const method of ['start', 'stop', 'close']) watcher[method]()
  call('peerState', fd)
  call('ioctl', fd, 0x541b, 4)
  call('getAcceptQueue', fd)
  const second = call('duplicate', fd)
  const borrowed = call('borrow', process.pid, fd)
  call('disconnect', fd)
  for (const each of [fd, second, borrowed]) call('close', each)
}

async function listeners() {
  const listener = await all.TcpListener.listen({ port: 0, host: '127.0.0.1', stale: 'drop-ended' })
  const { port } = listener.address()
  for (const close of [
    all.resetConnection,
    all.disconnect,
    all.closeLingering,
    all.closeWithoutTimeWait,
  ]) {
    const client = net.connect(port, '127.0.0.1').on('error', () => {})
    all.setOptions(client, { TCP_NODELAY: true, SO_SNDBUF: 9000 })
    await once(client, 'connect')
    const socket = await listener.accept()
    called.add('setBatch').add('getBatch')
    all.setKeepAlive(socket, { idle: 5000, interval: 1000, count: 2 })
    all.getOptions(socket, ['TCP_NODELAY', 'SO_LINGER'])
    try {
      all.setOption(socket, 'TCP_MAXSEG', 1)
    } catch {}
    socket.resume()
    client.resume()
    await close(socket, close === all.closeLingering ? 1000 : undefined)
    client.destroy()
  }
  await listener.close()
  const unix = net.createServer().listen(`\0net-sockopt-valgrind-${process.pid}`)
  await once(unix, 'listening')
  all.getAcceptQueue(unix)
  unix.close()
}

if (isMainThread) {
  badly()
  sockets()
  await listeners()
  for (const end of ['by itself', 'terminated']) {
    const worker = new Worker(new URL(import.meta.url), { argv: [end] })
    const exited = once(worker, 'exit')
    await once(worker, 'message')
    if (end === 'terminated') await worker.terminate()
    else await exited
  }
  const missing = Object.keys(native).filter((name) => !called.has(name))
  if (missing.length > 0) throw new Error(`not called: ${missing}`)
  console.log(`${called.size - 2} native functions called`)
} else {
  const { parentPort } = await import('node:worker_threads')
  await listeners()
  // One that is open, and waits, when the thread ends.
  const listener = await all.TcpListener.listen({ port: 0 })
  listener.accept().catch(() => {})
  parentPort.postMessage('ready')
  if (process.argv.at(-1) === 'by itself') process.exit()
  await sleep(60_000)
}
