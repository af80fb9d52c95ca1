/**
 * One option call, or five: all cases of all rows, one after the other in every round, in reversed order
 * every other round. A case is compared with the C loop of its own row and round only, so that what slows
 * the machine for a while slows both. Libraries for this run one case to its end before the next.
 */
import { setOption } from '../dist/index.js'
import { rows } from './cases.js'
import { encode, floor, put, sumOf, verify } from './floor.js'
import { repeatGet, repeatSet } from './loops.js'
import { connectedSocket } from './sockets.js'
import { ratios, summarise } from './statistics.js'

const floorName = 'C loop'

/** Rows with the ratio of each case to the C loop, and what that takes in nanoseconds. */
export async function measureCalls({ rounds, sampleMs }) {
  const prepared = await Promise.all(rows.map(prepareRow))
  await useOtherOptions()
  const cases = prepared.flatMap((row) => row.cases)
  for (const each of cases) calibrate(each, sampleMs)
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? cases : cases.toReversed()
    for (const each of order) each.samples.push(sample(each, round & 1))
  }
  for (const { close } of prepared) close()
  return prepared.map(resultOf)
}

async function prepareRow(row) {
  const { socket, fd, close } = await connectedSocket()
  const loops = Object.entries((row.set ?? row.get)(socket, fd)).map(([name, call]) => [
    name,
    row.set ? repeatSet(call) : repeatGet(call),
  ])
  const encoded = encode(row.calls)
  const native = row.set
    ? (times) => floor.set(fd, encoded, times)
    : (times) => floor.get(fd, encoded, times)
  const cases = [[floorName, native], ...loops].map(([name, loop]) => ({
    name,
    label: `${row.name}, ${name}`,
    loop,
    fd,
    sets: row.set !== undefined,
    calls: row.callsOf?.[name] ?? row.calls,
    times: 100,
    samples: [],
  }))
  return { row, cases, close }
}

/** A program uses more than one kind of option, so V8 must not find only one here either. */
async function useOtherOptions() {
  const { socket, close } = await connectedSocket()
  for (let i = 0; i < 2000; i++) {
    setOption(socket, 'SO_RCVTIMEO', { seconds: i & 1, microseconds: 0 })
    setOption(socket, 'TCP_CONGESTION', 'cubic')
    setOption(socket, 'TCP_NODELAY', (i & 1) === 0)
  }
  close()
}

/** Lets V8 compile the loop, and finds how many calls fill a sample: an even number. */
function calibrate(each, sampleMs) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const perCall = sample(each, attempt & 1) / 1e6
    each.times = Math.max(2, 2 * Math.round(sampleMs / perCall / 2))
  }
}

/** Nanoseconds of CPU time per call, without what other processes took, once it is certain that the calls did what they should. */
function sample(each, which) {
  const { loop, fd, times, sets, label } = each
  put(fd, each.calls, sets ? 0 : which)
  const before = process.cpuUsage()
  const result = loop(times)
  const { user, system } = process.cpuUsage(before)
  if (sets) verify(fd, each.calls, 1, label)
  else if (result !== times * sumOf(each.calls, which)) throw new Error(`${label}: wrong values`)
  return ((user + system) * 1000) / times
}

function resultOf({ row, cases: [base, ...others] }) {
  const results = others.map(({ name, samples }) => [
    name,
    summarise(ratios(samples, base.samples)),
  ])
  return {
    name: row.name,
    goal: row.goal,
    floor: summarise(base.samples).median,
    cases: Object.fromEntries(results),
  }
}
