// docs/behaviours.md: a table per source document, and what is worth more than a row.

const topics = {
  S0: 'the backlog argument of listen()',
  S1: 'TIME_WAIT, SO_LINGER and Disconnect',
  S2: 'connected, but not accepted',
  S3: 'a TCP backlog example',
  S4: 'keep-alive on the server side',
}

const introduction = `# Documented behaviours

What five public documents say of the listen backlog, TIME_WAIT, \`SO_LINGER\`, connections that nobody accepts, and
keep-alive, and what one system really does. \`npx net-sockopt lab\` shows it on yours.

- **as documented**: it was reproduced.
- **differs here**: this system does something else, which is said, with the reason.
- **opinion**: advice or an opinion, of which nothing can be seen.

Packets are written as a ladder: \`>\` from the client, \`<\` from the server; S SYN, A ACK, P PSH, F FIN, R RST; the number is the
length of the data.
`

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function rowOf({ id, of, claim, documented, seen, why, verdict }) {
  const here = why === undefined ? seen : `${seen} — ${why}`
  return `| ${id} | ${of} | ${cell(claim)} | ${cell(documented)} | ${cell(here)} | ${verdict} |`
}

function tableOf(results) {
  const head =
    '| id | of | claim | documented | seen here | verdict |\n| --- | --- | --- | --- | --- | --- |'
  return [head, ...results.map(rowOf)].join('\n')
}

function laddersOf({ data }) {
  const rows = data.ways.map(
    ({ way, ladder, left }) => `| ${cell(way)} | \`${ladder}\` | ${left} |`,
  )
  return ['| way to close | on the wire | left over |', '| --- | --- | --- |', ...rows].join('\n')
}

function systemText({ kernel, node, ...settings }) {
  const list = Object.entries(settings).map(([name, value]) => `\`${name}\` ${value}`)
  // Without the build's own suffix: it says nothing to others.
  const version = kernel.replace(/^(\w+) (\d+\.\d+)\S*/, '$1 $2')
  return `Run on ${version}, Node ${node}, with ${list.join(', ')}; sockets on loopback.`
}

/** The page, from the lab's JSON. */
export function document({ system, results }) {
  const counts = Object.groupBy
    ? Object.entries(Object.groupBy(results, ({ verdict }) => verdict))
    : [...new Set(results.map(({ verdict }) => verdict))].map((verdict) => [
        verdict,
        results.filter((result) => result.verdict === verdict),
      ])
  const summary = counts.map(([verdict, each]) => `${each.length} ${verdict}`).join(', ')
  const tables = Object.entries(topics).map(([source, topic]) => {
    const own = results.filter(({ id }) => id.startsWith(`${source}.`))
    return `## ${source}: ${topic}\n\n${tableOf(own)}`
  })
  return `${introduction}
${systemText(system)} ${results.length} rows: ${summary}.

Written by \`node scripts/docs-behaviours.js\`.

${tables.join('\n\n')}

## Every way to close, on the wire

${laddersOf(results.find(({ id }) => id === 'S1.19'))}

## Pictures

![When SYNs are sent again: documented, and here](pictures/syn-retransmission.svg)

![The accept queue while a burst meets a server that stands still](pictures/queue-length.svg)

![Connection states over time, for each way to close](pictures/states-over-time.svg)

![Keep-alive probes until the connection is given up](pictures/keep-alive.svg)
`
}
