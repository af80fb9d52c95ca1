/** A client in a process of its own, with no option set, that only reads: `node idle-client.js 4711`. */
import net from 'node:net'

const client = net.connect(Number(process.argv[2]), '127.0.0.1')
client.resume()
client.on('connect', () => console.log('connected'))
client.on('error', (error) => console.log(error.message))
