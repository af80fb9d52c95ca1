// Prints the code of the error that the option of its standard input ends with.
import { getLinger } from '../../dist/index.js'

try {
  getLinger(0)
  console.log('no error')
} catch (error) {
  console.log(error.code)
}
