/** Clients that all connect at once, in this process, which does not accept them unless it is asked to. */
import net, { type AddressInfo } from 'node:net'
import { type ListenOptions, TcpListener } from '../../index.js'
import { until } from '../observers/until.js'

/** How a connect ended: not yet, well, or with this error. */
export type Outcome = 'waiting' | 'connected' | (string & {})

/** A refusal takes about two seconds on Windows, since connect() tries again there. */
const quietRounds = process.platform === 'win32' ? 300 : 60

export class Burst {
  readonly clients: readonly net.Socket[]
  /** In the order in which they began to connect. */
  readonly outcomes: Outcome[]
  /** Milliseconds from the first connect() to each outcome. */
  readonly times: (number | undefined)[]
  readonly began = performance.now()

  /** `prepare` may set options on each client before it connects. */
  constructor(port: number, count: number, prepare?: (client: net.Socket) => void) {
    this.outcomes = Array.from({ length: count }, () => 'waiting')
    this.times = this.outcomes.map(() => undefined)
    this.clients = this.outcomes.map((_, i) => {
      const client = net.connect(port, '127.0.0.1')
      client.once('connect', () => this.#ended(i, 'connected'))
      client.on('error', (error: NodeJS.ErrnoException) => this.#ended(i, error.code ?? 'error'))
      prepare?.(client)
      return client
    })
  }

  #ended(i: number, outcome: Outcome): void {
    if (this.outcomes[i] !== 'waiting') return
    this.outcomes[i] = outcome
    this.times[i] = Math.round(performance.now() - this.began)
  }

  count(outcome: Outcome): number {
    return this.outcomes.filter((each) => each === outcome).length
  }

  /** Waits until so many have that outcome, at most so long; how many have it then. */
  async reached(
    count: number,
    outcome: Outcome = 'connected',
    milliseconds?: number,
  ): Promise<number> {
    const read = (): number => this.count(outcome)
    return until(read, (now) => now >= count, milliseconds)
  }

  /** Waits until every client has its answer, or for a while no further one got one. */
  async settled(): Promise<this> {
    let before = ''
    let same = 0
    await until(
      () => this.outcomes.join(),
      (now) => {
        // Rounds of the event loop, not time: a busy machine must not look like silence.
        same = now === before ? same + 1 : 0
        before = now
        return same >= quietRounds || this.count('waiting') === 0
      },
      20_000,
    )
    return this
  }
}

/** A listener on loopback that accepts only when asked. */
export async function listen(options: Omit<ListenOptions, 'port' | 'host'>): Promise<TcpListener> {
  return TcpListener.listen({ port: 0, host: '127.0.0.1', ...options })
}

export function portOf(listener: TcpListener | net.Server): number {
  return (listener.address() as AddressInfo).port
}
