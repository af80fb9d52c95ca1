/** A server with connections that stay: how much memory it has, before and after. */
import { setTimeout } from 'node:timers/promises'
import { answer } from './child.js'
import { listeners } from './listeners.js'

let accepted = 0

/** Listens, or waits until it has all its connections. */
answer(async ({ name, connections }) => {
  const port = name === undefined ? undefined : await listen(listeners[name])
  while (accepted < connections) await setTimeout(5)
  return { port, rss: await rss() }
})

async function listen({ listen }) {
  const server = await listen(() => accepted++)
  return server.address().port
}

/** Bytes, without garbage: collected more than once, since closing things takes the event loop a turn. */
async function rss() {
  for (let i = 0; i < 3; i++) {
    await setTimeout(20)
    globalThis.gc()
  }
  return process.memoryUsage.rss()
}
