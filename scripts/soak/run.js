// `npm run test:soak -- --minutes N`: servers and clients in several threads, at thousands of connections a
// second, with faults. Fails, with the reason, if a connection is not accounted for, a descriptor is left, memory
// grows, or anything complains. In a network namespace of its own where that is allowed: the traffic leaves
// thousands of ports in TIME_WAIT.
import { fork, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import Table from 'cli-table3'
import { account, descriptors, difference, fewestRounds, growth, kernelCounter } from './checks.js'
import { closeListener, killPeers, terminateThread } from './faults.js'
import { heapAfterCollection, Peer } from './talk.js'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new RangeError('--minutes must be a number above 0')

const inside = 'SOAK_NAMESPACE'
if (process.env[inside] === undefined) process.exit(runInNamespace())

function runInNamespace() {
  const node = [
    process.execPath,
    '--expose-gc',
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
  ]
  const allowed = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0
  if (!allowed)
    console.log('no network namespace allowed here: on the loopback interface that all share')
  // The widest range of ports: a client's stays in TIME_WAIT for a minute, and is taken again after a second.
  const up =
    'ip link set lo up && echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range; exec "$0" "$@"'
  const [command, ...args] = allowed ? ['unshare', '--net', 'sh', '-c', up, ...node] : node
  // glibc's allocator keeps a heap for each thread there ever was, so that memory comes and goes by chance.
  const env = { ...process.env, [inside]: allowed ? 'own' : 'shared', MALLOC_ARENA_MAX: '1' }
  return spawnSync(command, args, { stdio: 'inherit', env }).status ?? 1
}

/** Seconds of traffic between two looks at the books. */
const roundSeconds = 4

/** Per connection. Anything kept for each would be more: libuv's handle alone has 248 bytes. */
const limits = { heap: 32, resident: 100 }
/** Whatever the number of connections: code that is compiled late, the allocator's pages. */
const noise = { heap: 256 * 1024, resident: 6 * 1024 * 1024 }

const reasons = []
const fail = (reason) => {
  if (reasons.length < 50) reasons.push(reason)
}
for (const event of ['uncaughtException', 'unhandledRejection', 'warning']) {
  process.on(event, (reason) => fail(`${event}: ${reason?.stack ?? reason}`))
}

const thread = (name, file) => new Peer(name, new Worker(new URL(file, import.meta.url)), fail)
const plan = {
  'net.Server': { width: 24 },
  'net.Server, maxConnections': { width: 24, turnsAway: true },
  listenWithBacklog: { width: 24 },
  'accept, aborted': { width: 24 },
  'for await': { width: 24 },
  'serve, maxConnections': { width: 48 },
  'serve, drop-ended': { width: 24 },
  // More at once than the process may have descriptors. Verbs that need one more are left out.
  'serve, EMFILE': { width: 100, verbs: ['e', 't', 'r', 'd', 'z'] },
}
const kinds = Object.keys(plan)

/** Each server has an address, and so a range of client ports, of its own. */
const hostsOf = (names) =>
  Object.fromEntries(names.map((kind) => [kind, `127.0.0.${2 + kinds.indexOf(kind)}`]))

// Whatever Node opens once and keeps, for its first thread and its first child, is open then.
await terminateThread(0, '127.0.0.20', fail)
spawnSync('true')
const before = descriptors()
const overflowsBefore = kernelCounter('ListenOverflows')

const short = new Peer('EMFILE', fork(new URL('servers.js', import.meta.url)), fail)
const servers = [
  [thread('servers 1', 'servers.js'), kinds.slice(0, 4)],
  [thread('servers 2', 'servers.js'), kinds.slice(4, 7)],
  [short, kinds.slice(7)],
]
const clients = [thread('clients 1', 'clients.js'), thread('clients 2', 'clients.js')]
const threads = [servers[0][0], servers[1][0], ...clients]

const places = {}
for (const [peer, names] of servers) Object.assign(places, await peer.ask('open', hostsOf(names)))
// Now, since loading needs more.
spawnSync('prlimit', ['--pid', String(short.target.pid), '--nofile=80:80'])

const targets = kinds.map((kind) => ({ kind, place: places[kind], ...plan[kind] }))
const killable = kinds.filter((kind) => !plan[kind].turnsAway && kind !== 'serve, drop-ended')
const killedEach = 4
let killed = 0
let terminated = 0
let closedListeners = 0
let idleDescriptors
let trafficSeconds = 0
const series = { heap: [], resident: [], opened: [] }

async function reports() {
  const all = {}
  for (const [peer] of servers) Object.assign(all, await peer.ask('report'))
  return all
}

const isIdle = ({ accepted, closed, queue }) => accepted === closed && queue === 0

/** When every server has seen the last of its connections. */
async function settled() {
  for (let tries = 0; ; tries++) {
    const report = await reports()
    if (Object.values(report).every(isIdle)) return report
    if (tries > 200) {
      fail(`not over after ten seconds: ${JSON.stringify(report)}`)
      return report
    }
    await sleep(50)
  }
}

async function faults(until) {
  while (performance.now() < until) {
    await terminateThread(terminated++, '127.0.0.20', fail)
    await closeListener(closedListeners++, '127.0.0.21', fail)
    await sleep(300)
  }
}

async function memory() {
  const heaps = [heapAfterCollection()]
  for (const each of threads) heaps.push(await each.ask('heap'))
  await short.ask('heap')
  return {
    heap: heaps.reduce((sum, heap) => sum + heap),
    resident: process.memoryUsage().rss + (await short.ask('resident')),
  }
}

let books
async function round() {
  const began = performance.now()
  for (const each of clients) await each.ask('start', targets)
  await Promise.all([
    faults(began + roundSeconds * 1000),
    killPeers(
      killable.map((kind) => places[kind]),
      killedEach,
      fail,
    ),
  ])
  killed += killedEach
  const counts = await Promise.all(clients.map((each) => each.ask('stop')))
  trafficSeconds += (performance.now() - began) / 1000
  const report = await settled()
  books = kinds.map((kind) => {
    const entry = account(kind, report[kind], counts, killable.includes(kind) ? killed : 0)
    entry.wrong.forEach(fail)
    return { kind, ...report[kind], ...entry }
  })
  series.opened.push(books.reduce((sum, { opened }) => sum + opened, 0))
  const { heap, resident } = await memory()
  series.heap.push(heap)
  series.resident.push(resident)
  const open = descriptors()
  idleDescriptors ??= open
  const different = difference(idleDescriptors, open)
  if (different) fail(`descriptors between rounds are not those after the first: ${different}`)
  const rate = Math.round(series.opened.at(-1) / trafficSeconds)
  const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1)
  console.log(
    `${series.opened.at(-1)} connections (${rate}/s), heap ${megabytes(heap)} MiB, resident ${megabytes(resident)} MiB, ${open.length} descriptors`,
  )
}

const end = performance.now() + minutes * 60_000
const isLongEnough = () => performance.now() >= end && series.opened.length >= fewestRounds
try {
  while (!isLongEnough() && reasons.length === 0) await round()
} catch (error) {
  fail(error.stack)
}

function checkMemory(name) {
  const grown = growth(series[name])
  const connections = growth(series.opened)
  const allowed = noise[name] + limits[name] * connections
  const text = `${name}: ${grown} bytes more over ${connections} connections (${Math.round(allowed)} allowed)`
  console.log(text)
  if (grown > allowed) fail(`memory grows: ${text}`)
}

if (series.opened.length >= fewestRounds) {
  checkMemory('heap')
  checkMemory('resident')
}
const starved = books?.find(({ kind }) => kind === 'serve, EMFILE')
if (!(starved?.acceptErrors > 0)) fail('descriptors were never short: EMFILE was not tried')
const aborts = books?.find(({ kind }) => kind === 'accept, aborted').aborted
if (!(aborts > 0)) fail('no accept() was aborted')
const overflows = kernelCounter('ListenOverflows') - overflowsBefore
if (overflows > 0 && process.env[inside] === 'own')
  fail(`an accept queue overflowed ${overflows} times`)

for (const peer of [...servers.map(([each]) => each), ...clients]) {
  void peer.ask('close').catch(() => {})
  await peer.exited
}
let left
for (let tries = 0; tries < 100; tries++) {
  left = difference(before, descriptors())
  if (!left) break
  await sleep(20)
}
if (left) fail(`descriptors at the end are not those at the start: ${left}`)

const table = new Table({
  head: [
    'server',
    'opened',
    'accepted',
    'stale',
    'turned away',
    'end as told',
    'client left',
    'acceptErrors',
  ],
  style: { head: [], border: [] },
})
for (const { kind, opened, accepted, stale, turnedAway, asTold, left, acceptErrors } of books ??
  []) {
  table.push([kind, opened, accepted, stale, turnedAway, asTold, left, acceptErrors])
}
console.log(table.toString())
console.log(
  `${series.opened.at(-1)} connections in ${Math.round(trafficSeconds)} s of traffic; ${aborts} accepts aborted, ` +
    `${killed * killable.length} connections killed with their process, ${terminated} threads terminated, ` +
    `${closedListeners} listeners closed with clients in their queue; ` +
    `descriptors ${before.length} before, ${idleDescriptors.length} between rounds, ${descriptors().length} after`,
)
for (const reason of reasons) console.error(`FAILED: ${reason}`)
process.exit(reasons.length === 0 ? 0 : 1)
