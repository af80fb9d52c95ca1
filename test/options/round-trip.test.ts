import { isDeepStrictEqual, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { errorOf } from '../support/errors.js'
import { socketOfKind } from '../support/kinds.js'
import { isLinux } from '../support/system.js'
import { getOption, isRoot, isSupported, optionsHere, setOption } from '../support/untyped.js'
import { wineRefusal } from '../support/wine-refusals.js'
import { type Case, casesFor, hasEntry, type Sample } from './samples.js'

const file = 'test/options/samples.ts'

function readsBack({ set, reads, readsLike }: Sample, value: unknown): boolean {
  if (readsLike !== undefined) return readsLike(value)
  return isDeepStrictEqual(value, reads === undefined ? set : reads)
}

function title({ set, reads }: Sample): string {
  const kept = reads === undefined ? '' : `, as ${inspect(reads)}`
  return `${inspect(set, { breakLength: Infinity })}${kept}`
}

/** Whether the values want a privilege that this process may lack. */
function wantsRoot(needs: string | undefined, { unprivileged }: Case): boolean {
  return isLinux && unprivileged !== true && needs?.includes('CAP_') === true
}

const both = optionsHere.filter(({ access }) => access === 'both')

test('the table has options to try', () => {
  expect(both.length).toBeGreaterThan(20)
})

describe.each(both)('$name', (option) => {
  const { name, unit, needs } = option
  const whereToAdd = hasEntry(name)
    ? `correct the entry ${name} in ${file}`
    : `add an entry ${name} to ${file} (its unit is "${unit}", the sockets are ${casesFor(option)[0]?.kind})`

  const refusals = { get: wineRefusal(name, 'get'), set: wineRefusal(name, 'set') }

  test('has samples', () => {
    for (const { samples, untried } of casesFor(option)) {
      if (untried !== undefined) continue
      expect(samples.length, `nothing to set: ${whereToAdd}`).toBeGreaterThan(0)
    }
  })

  describe.each(casesFor(option).filter(({ samples }) => samples.length > 0))('on $kind', (one) => {
    const { kind, samples, prepare, refused, mayBeRefused, keepsInitial, untried } = one
    const privileged = wantsRoot(needs, one)
    const because = privileged ? ` (needs ${needs})` : ''
    const run = test.runIf(isSupported(name) && (isRoot || !privileged))

    async function prepared() {
      const socket = await socketOfKind(kind)
      prepare?.(socket)
      return socket
    }

    /** A set that must work, or end with an error that is known. */
    function trySet(socket: Awaited<ReturnType<typeof prepared>>, value: unknown): boolean {
      try {
        setOption(socket, name, value)
        return true
      } catch (error) {
        const { code, message } = error as Error & { code: string }
        if (mayBeRefused?.codes.includes(code)) return false
        throw new Error(`cannot set ${inspect(value)} (${message}): ${whereToAdd}`, {
          cause: error,
        })
      }
    }

    if (refusals.get !== undefined || refusals.set !== undefined) {
      test(`is refused by Wine: ${refusals.get ?? '-'} to read, ${refusals.set ?? '-'} to set`, async () => {
        const socket = await prepared()
        const codeOf = (call: () => unknown) => {
          try {
            call()
            return undefined
          } catch (error) {
            return (error as { code: unknown }).code
          }
        }
        expect(codeOf(() => getOption(socket, name))).toBe(refusals.get)
        expect(codeOf(() => setOption(socket, name, samples[0]?.set))).toBe(refusals.set)
      })
      return
    }

    if (untried !== undefined) {
      test.skip(`is not tried: ${untried}`, () => undefined)
      return
    }

    if (refused !== undefined) {
      run.for(samples)(`refuses $set: ${refused.reason}${because}`, async ({ set }) => {
        const socket = await prepared()
        const error = errorOf(() => setOption(socket, name, set))
        expect(error).toMatchObject({ syscall: 'setsockopt', option: name })
        expect(refused.codes).toContain(error.code)
      })
      return
    }

    if (keepsInitial !== undefined) {
      run(`takes values, but ${keepsInitial.reason}${because}`, async () => {
        const socket = await prepared()
        const initial = getOption(socket, name)
        for (const { set } of samples) setOption(socket, name, set)
        expect(getOption(socket, name)).toEqual(initial)
        for (const { set, code } of keepsInitial.refusedValues) {
          expect(errorOf(() => setOption(socket, name, set))).toMatchObject({ code, option: name })
        }
      })
      return
    }

    run(`has a sample that differs from the initial value${because}`, async () => {
      const initial = getOption(await prepared(), name)
      const differs = samples.some((sample) => !readsBack(sample, initial))
      expect(differs, `all are as the initial ${inspect(initial)}: ${whereToAdd}`).toBe(true)
    })

    const titled = samples.map((sample) => ({ sample, title: title(sample) }))
    run.for(titled)(`keeps $title${because}`, async ({ sample }) => {
      const socket = await prepared()
      if (readsBack(sample, getOption(socket, name))) {
        // A setter that does nothing would pass: set something else first.
        const other = samples.find(
          (candidate) => !readsBack(sample, candidate.reads ?? candidate.set),
        )
        if (other !== undefined && !trySet(socket, other.set)) return
      }
      if (!trySet(socket, sample.set)) return
      const value = getOption(socket, name)
      expect(readsBack(sample, value), `reads ${inspect(value)}: ${whereToAdd}`).toBe(true)
    })
  })
})
