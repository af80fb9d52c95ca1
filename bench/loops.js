/**
 * A loop around one call. Each is compiled from text of its own, since V8 would otherwise share one loop
 * between all cases, unable to inline any of them.
 */
let count = 0

const build = (body, call) =>
  new Function('call', `return (times) => { ${body} } // ${++count}`)(call)

/** Calls `set(0)`, `set(1)`, `set(0)` ... */
export const repeatSet = (set) => build('for (let i = 0; i < times; i++) call(i & 1)', set)

/** The sum of what `get()` returns. */
export const repeatGet = (get) =>
  build('let sum = 0; for (let i = 0; i < times; i++) sum += call(); return sum', get)
