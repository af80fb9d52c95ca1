// Known vulnerabilities in what is installed, as the registry knows them. A registry without that service (a mirror
// often has none) is said, and is no failure.
import { spawnSync } from 'node:child_process'

const { stdout } = spawnSync('npm', ['audit', '--json', '--audit-level=low'], { encoding: 'utf8' })
const report = JSON.parse(stdout)
const found = report.metadata?.vulnerabilities
if (found === undefined) {
  console.log(`skipped: the registry does not say (${report.message ?? report.error?.summary})`)
} else {
  for (const { name, severity, range } of Object.values(report.vulnerabilities)) {
    console.error(`${severity}: ${name} ${range}`)
  }
  console.log(`${found.total} known vulnerabilities`)
  process.exitCode = found.total === 0 ? 0 : 1
}
