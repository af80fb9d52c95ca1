/** A server with a short queue that accepts whatever comes, as long as it gets the processor. It says its port, then how many it accepted. */
import net from 'node:net'
import { listenWithBacklog } from '../../index.js'
import { portOf } from './burst.js'

let accepted = 0
const server = net.createServer(() => process.stdout.write(`${++accepted}\n`))
await listenWithBacklog(server, { port: 0, host: '127.0.0.1', backlog: 5 })
process.stdout.write(`port ${portOf(server)}\n`)
