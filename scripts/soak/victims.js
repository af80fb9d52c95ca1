// A process with connections, half of them with data under way, which is killed with all of them.
import { once } from 'node:events'
import net from 'node:net'
import { answer } from './talk.js'

answer({
  /** Resolves when all are connected. */
  async open({ places, each }) {
    const connecting = places.flatMap(({ port, address }) =>
      Array.from({ length: each }, async (_, at) => {
        const socket = net.connect(port, address)
        await once(socket, 'connect')
        if (at % 2 === 0) socket.pause().write('h')
      }),
    )
    await Promise.all(connecting)
  },
})
