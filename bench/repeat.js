const atOnce = 32

/** Does something so many times, a few at once. */
export async function repeat(times, action) {
  let left = times
  const oneAfterTheOther = async () => {
    while (left-- > 0) await action()
  }
  await Promise.all(Array.from({ length: atOnce }, oneAfterTheOther))
}
