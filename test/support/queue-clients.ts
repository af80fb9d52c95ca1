import { Worker } from 'node:worker_threads'

const program = `
  const net = require('node:net')
  const { workerData } = require('node:worker_threads')
  for (let i = 0; i < workerData.count; i++) {
    net.connect(workerData.port, '127.0.0.1').on('error', () => {})
  }
`

/** Clients in a thread of their own, which connect while the test's thread blocks its event loop. */
export class QueueClients implements Disposable {
  readonly #worker: Worker

  constructor(port: number, count: number) {
    this.#worker = new Worker(program, { eval: true, workerData: { port, count } })
  }

  /** Waits for a condition without giving the event loop a turn, so that nothing is accepted meanwhile. */
  waitWhileBlocking(holds: () => boolean, milliseconds = 10_000): void {
    const cell = new Int32Array(new SharedArrayBuffer(4))
    const end = performance.now() + milliseconds
    while (!holds()) {
      if (performance.now() > end) throw new Error(`nothing after ${milliseconds} ms`)
      Atomics.wait(cell, 0, 0, 5)
    }
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate()
  }
}
