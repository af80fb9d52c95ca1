/** docs/benchmarks.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { acceptTable, callsTable, goalsTable, listenersTable, toMarkdown } from './report.js'

const file = new URL('../docs/benchmarks.md', import.meta.url)

export function writeDocument(results) {
  writeFileSync(file, text(results))
}

export const text = ({ calls, accept, listeners, verdicts }) => `# Benchmarks

Written by \`npm run bench -- --write\`; \`npm run bench\` measures on your machine and writes nothing. ${machine()}
${peers()}

## One call

How many times the CPU time of the bare system call in a C loop inside the same process: median, and in
brackets the quartiles. Lower is better, 1.00 is the system call itself.

${toMarkdown(callsTable(calls))}

How to read it:

- All cases run in turn in each of many short rounds, in reversed order every other round. Each is divided by the
  C loop of its own row and round, so what slows the machine for a while slows both.
- Before and after each case the kernel is asked for the value. Setters write two values in turn.
- "koffi, prepared" is its best case: the descriptor known, the memory allocated once, nothing checked but the
  result. "koffi" takes the socket and a \`Buffer\` per call, as one would write it. net-sockopt takes the socket,
  checks name, value and socket, and says which option failed.
- net-keepalive has no idle time: where one int is asked for it sets or reads \`TCP_KEEPINTVL\`. For the five
  options it needs \`socket.setKeepAlive()\` of Node itself, since it has neither \`SO_KEEPALIVE\` nor
  \`TCP_KEEPIDLE\`. The five are these two, \`TCP_KEEPINTVL\`, \`TCP_KEEPCNT\` and \`TCP_USER_TIMEOUT\`.
- What a call costs beyond the system call depends little on how long the system call takes, so the ratio is lower
  where system calls are slower. Here ${nanoseconds(calls)}.

## Accepting connections

CPU time of a server for a connection that comes and goes, compared with a plain \`net.createServer\`. The client
is another process. "The same again" is a second plain server, which shows how far two equals differ here.

${toMarkdown(acceptTable(accept))}

Options belong on the listener: accepted sockets inherit them, without a call per connection.

## TcpListener

What a connection costs a server with \`TcpListener\`, compared with \`net.Server\`, all with a backlog of 4096. In
brackets the quartiles; "the same again" is a second \`net.Server\`.

${toMarkdown(listenersTable(listeners))}

- From a full queue: the event loop stands still while another process connects; then all are accepted and closed.
- As they come: another process connects and hangs up, 32 at a time; each connection is closed when accepted.
- Memory: what the resident set of a new process grows by, garbage collected, without what the kernel has. Here
  ${kibibytes(listeners.held)} per connection of \`net.Server\`.

## Goals

${toMarkdown(goalsTable(verdicts))}
`

function machine() {
  const [major, minor] = os.release().split('.')
  const cpus = os.availableParallelism()
  const kind = `${cpus} ${os.arch()} CPUs, Linux ${major}.${minor}, Node ${process.versions.node}`
  return `These figures are from one\nmachine (${kind}); compare only what stands in one table.`
}

function peers() {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('package.json', import.meta.url), 'utf8'),
  )
  const named = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`)
  return `Compared with ${named.join(', ')}.`
}

const kibibytes = ({ amount }) => `${(amount / 1024).toFixed(1)} KiB`

/** Only the order of magnitude. */
function nanoseconds(calls) {
  const rounded = Math.round(calls[0].floor / 50) * 50
  return `setting one int takes about ${rounded} ns`
}
