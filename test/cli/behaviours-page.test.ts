/** docs/behaviours.md comes from a run of the lab; its figures vary, what it accounts for does not. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { scenarios } from '../../lib/lab/scenarios.js'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/behaviours.md', root), 'utf8')

describe('docs/behaviours.md', () => {
  test('has every scenario once, with the claim and what is documented', () => {
    const rows = [...page.matchAll(/^\| (S\d\.\w+) \| \S+ \| (.*?) \| (.*?) \|/gm)]
    expect(rows.map(([, id]) => id)).toEqual(scenarios.map(({ id }) => id))
    for (const [, id, claim, documented] of rows) {
      const scenario = scenarios.find((each) => each.id === id)
      expect({ id, claim, documented }).toEqual({
        id,
        claim: scenario?.claim.replaceAll('|', '\\|'),
        documented: scenario?.documented.replaceAll('|', '\\|'),
      })
    }
  })

  test('has no row that broke', () => {
    expect(page).not.toMatch(/\| broke \|$/m)
  })

  test('has its pictures', () => {
    const pictures = [...page.matchAll(/\]\((pictures\/[\w-]+\.svg)\)/g)].map(
      ([, path = '']) => path,
    )
    expect(pictures).toHaveLength(4)
    for (const path of pictures) expect(existsSync(new URL(`docs/${path}`, root))).toBe(true)
  })
})
