import { generate } from 'selfsigned'

/** A certificate for localhost, made for this run. */
export async function certificate(): Promise<{ key: string; cert: string }> {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  return { key: made.private, cert: made.cert }
}
