import { Worker } from 'node:worker_threads'

const program = `
  const net = require('node:net')
  const { workerData } = require('node:worker_threads')
  for (let i = 0; i < workerData.count; i++) {
    const client = net.connect(workerData.port, '127.0.0.1').on('error', () => {})
    client.on('connect', () => Atomics.add(workerData.connected, 0, 1))
  }
`

/** Clients in a thread of their own, which connect while the test's thread blocks its event loop. */
export class QueueClients implements Disposable {
  readonly #worker: Worker
  readonly #connected = new Int32Array(new SharedArrayBuffer(4))

  constructor(port: number, count: number) {
    const workerData = { port, count, connected: this.#connected }
    this.#worker = new Worker(program, { eval: true, workerData })
  }

  /** How many of them have connected. */
  get connected(): number {
    return Atomics.load(this.#connected, 0)
  }

  /** Waits for a condition without giving the event loop a turn, so that nothing is accepted meanwhile. */
  waitWhileBlocking(holds: () => boolean, milliseconds = 10_000): void {
    const end = performance.now() + milliseconds
    while (!holds()) {
      if (performance.now() > end) throw new Error(`nothing after ${milliseconds} ms`)
      this.block(5)
    }
  }

  /** No turn of the event loop for so long. */
  block(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate()
  }
}
