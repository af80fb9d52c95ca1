// What goes wrong on purpose beside the traffic: peers that are killed, threads that are terminated, listeners
// that are closed with clients in their queue.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { TcpListener } from 'net-sockopt'
import { Peer } from './talk.js'

const here = (name) => new URL(name, import.meta.url)

/** Every server has `each` connections more, and loses them at one blow. */
export async function killPeers(places, each, complain) {
  const child = fork(here('victims.js'))
  const peer = new Peer('victims', child, complain)
  await peer.ask('open', { places, each })
  child.kill('SIGKILL')
  await peer.exited
}

/**
 * Connects again and again until told to stop; resolves when the last connection has ended, however. A peer that
 * went without a word (seen when a listener closes in the middle of a handshake) answers only what is sent to it.
 */
async function flood(port, host, signal, complain) {
  const lane = async () => {
    while (!signal.aborted) {
      const socket = net
        .connect(port, host)
        .resume()
        .on('error', () => {})
      const knock = setInterval(() => socket.write('?'), 100)
      const limit = setTimeout(() => {
        complain(`a connection of a terminated thread is open after ten seconds: ${host}:${port}`)
        socket.destroy()
      }, 10_000)
      await new Promise((resolve) => socket.on('close', resolve))
      clearInterval(knock)
      clearTimeout(limit)
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane))
}

/** A listening thread ends while connections come in; nothing of it may stay. */
export async function terminateThread(number, host, complain) {
  const worker = new Worker(here('doomed.js'), { workerData: { host, serves: number % 2 === 0 } })
  const [port] = await once(worker, 'message')
  const stop = new AbortController()
  const flooding = flood(port, host, stop.signal, complain)
  await sleep(20 + (number % 7))
  await worker.terminate()
  stop.abort()
  await flooding
}

/** Of ten clients, the listener takes some; the others are reset when it closes. Says what does not add up. */
export async function closeListener(number, host, complain) {
  const listener = await TcpListener.listen({ host, port: 0, backlog: 100 })
  const { port } = listener.address()
  const ends = Array.from({ length: 10 }, async () => {
    const socket = net.connect(port, host).resume()
    let end
    socket.on('end', () => (end ??= 'end')).on('error', ({ code }) => (end ??= code))
    await new Promise((resolve) => socket.on('close', resolve))
    return end
  })
  while (listener.queue.length < ends.length) await sleep(1)
  const takes = number % ends.length
  for (let i = 0; i < takes; i++) (await listener.accept()).end()
  await listener.close()
  const seen = await Promise.all(ends)
  const served = seen.filter((end) => end === 'end').length
  const reset = seen.filter((end) => end === 'ECONNRESET').length
  if (served !== takes || reset !== ends.length - takes || listener.accepted !== takes) {
    complain(`a closed listener: ${takes} of ${ends.length} accepted, but the clients saw ${seen}`)
  }
}
