// The same in a process of its own, on the built package: prints what attack() found.
import * as api from '../../dist/index.js'
import { native } from '../../dist/binding.js'
import { attack } from './wrong-values.js'

const [seed, calls] = process.argv.slice(2).map(Number)
console.log(JSON.stringify(await attack({ api, native, seed, calls })))
