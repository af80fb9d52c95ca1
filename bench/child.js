/** What is measured in a process of its own, since heap and compiled code of other cases would count as well. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Forks a file of this folder. All of them get `gc()`. */
export function start(file) {
  return fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ['--expose-gc'] })
}

/** Asks a child for one answer; an error if it ends without, or with one. */
export async function ask(child, question) {
  child.send(question)
  const answered = new AbortController()
  const { signal } = answered
  const failed = once(child, 'exit', { signal }).then(([status]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended without an answer (exit status ${status})`)
  })
  failed.catch(() => undefined)
  const [answer] = await Promise.race([once(child, 'message', { signal }), failed])
  answered.abort()
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

/** Asks a child of its own, which ends then. */
export async function askOnce(file, question) {
  const child = start(file)
  try {
    return await ask(child, question)
  } finally {
    child.kill()
  }
}

/** In the child: every question is answered by `respond`, or by its error. */
export function answer(respond) {
  process.on('message', async (question) => {
    try {
      process.send((await respond(question)) ?? {})
    } catch (error) {
      process.send({ error: error.message })
    }
  })
}
