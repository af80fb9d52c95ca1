// Adds up vitest's JSON reports and prints "N passed, N failed, N skipped" as the last line, after the
// failed and skipped tests by name. Exits with 1 if a test failed, or if none ran.
import { readFileSync } from 'node:fs'

const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')))
const suites = reports.flatMap((report) => report.testResults)
const tests = suites.flatMap((suite) => suite.assertionResults)

function named(...states) {
  return tests.filter(({ status }) => states.includes(status)).map(({ fullName }) => fullName)
}

const passed = named('passed')
const skipped = named('pending', 'skipped', 'todo', 'disabled')
const failed = named('failed')
// A file that does not load has no tests to count.
const broken = suites.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
)

for (const name of new Set(skipped)) console.log(`skipped: ${name}`)
for (const name of failed) console.log(`failed: ${name}`)
for (const { name, message } of broken) console.log(`failed: ${name}: ${message}`)
const failures = failed.length + broken.length
console.log(`${passed.length} passed, ${failures} failed, ${skipped.length} skipped`)
process.exit(failures > 0 || passed.length === 0 ? 1 : 0)
