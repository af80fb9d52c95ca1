/** The process that one scenario runs in: `node child.js S1.16 [--slow]`. Its last line is the observation as JSON. */
import { scenarios } from './scenarios.js'

const [id, mode] = process.argv.slice(2)
const scenario = scenarios.find((each) => each.id === id)
if (scenario?.run === undefined) throw new Error(`no scenario ${id} that can be run`)
const observation = await scenario.run({ slow: mode === '--slow' })
process.stdout.write(`\n${JSON.stringify(observation)}\n`)
// What a scenario has left open on purpose, such as a queue that nobody empties, ends here.
process.exit(0)
