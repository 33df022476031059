// The mail benchmark's tasks with openpgp.js, as its users would do them: keys of version 4 (Curve25519), SEIPDv1,
// nothing compressed. The same tasks as in `app/worker/src/mail_bench.rs`, with the same results.
import * as openpgp from './openpgp.min.mjs'

const address = number => ({ email: `person${number}@example.org` })

/** Bytes that can't be compressed. */
function noise(size) {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

async function person(number) {
  const userIDs = [address(number)]
  const { privateKey } = await openpgp.generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs, format: 'object' })
  return { secret: privateKey, known: privateKey.toPublic() }
}

/** Milliseconds that each of `rounds` takes, after one that doesn't count. */
async function time(rounds, run) {
  await run()
  const start = performance.now()
  for (let round = 0; round < rounds; round++) await run()
  return (performance.now() - start) / rounds
}

async function seal(payload, sender, recipients, format) {
  const message = await openpgp.createMessage({ binary: payload })
  const encryptionKeys = recipients.map(({ known }) => known)
  return openpgp.encrypt({ message, encryptionKeys, signingKeys: sender.secret, format })
}

async function unseal(sealed, reader, sender, armored) {
  const message = await openpgp.readMessage(armored ? { armoredMessage: sealed } : { binaryMessage: sealed })
  const { data, signatures } = await openpgp.decrypt({
    message, decryptionKeys: reader.secret, verificationKeys: sender.known, expectSigned: true, format: 'binary',
  })
  await signatures[0].verified
  return data
}

/** base64 in lines of 76. */
const lines = bytes => bytes.toBase64().replace(/.{76}/g, '$&\r\n')

function mime(file) {
  const text =
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b\r\n' +
    'Content-Type: application/octet-stream; name="file.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  return new TextEncoder().encode(`${text}${lines(file)}\r\n--b--\r\n`)
}

function attachment(payload) {
  const [, , part] = new TextDecoder().decode(payload).split('\r\n--b')
  return Uint8Array.fromBase64(part.slice(part.indexOf('\r\n\r\n') + 4))
}

const tasks = {
  keys: async rounds => [await time(rounds, () => person(1))],

  async messages(size, people, rounds, armored) {
    const all = await Promise.all(Array.from({ length: people }, (_, number) => person(number)))
    const payload = noise(size)
    const [sender, reader] = all
    let sealed, opened
    const sealing = await time(rounds, async () => (sealed = await seal(payload, sender, all, armored ? 'armored' : 'binary')))
    const opening = await time(rounds, async () => (opened = await unseal(sealed, reader, sender, armored)))
    if (opened.length !== size) throw new Error('it came out otherwise')
    return [sealing, opening]
  },

  async mails(size, rounds) {
    const all = [await person(0), await person(1)]
    const [sender, reader] = all
    const file = noise(size)
    let sealed, opened
    const sealing = await time(rounds, async () => (sealed = await seal(mime(file), sender, all, 'armored')))
    const opening = await time(rounds, async () => (opened = attachment(await unseal(sealed, reader, sender, true))))
    if (opened.length !== size) throw new Error('it came out otherwise')
    return [sealing, opening]
  },

  /** A certificate of many User IDs and subkeys, for both sides to read. */
  async certificate(userIds, subkeys) {
    const { publicKey } = await openpgp.generateKey({
      type: 'ecc', curve: 'curve25519Legacy', format: 'binary',
      userIDs: Array.from({ length: userIds }, (_, number) => address(number)),
      subkeys: Array.from({ length: subkeys }, () => ({})),
    })
    return publicKey
  },

  async certificates(binaryKey, rounds) {
    const parsing = await time(rounds, () => openpgp.readKey({ binaryKey }))
    const verifying = await time(rounds, async () => {
      const key = await openpgp.readKey({ binaryKey })
      await key.verifyAllUsers()
      for (const subkey of key.subkeys) await subkey.verify()
    })
    return [parsing, verifying]
  },
}

postMessage({ ready: true })

onmessage = async ({ data: { id, name, args } }) => {
  try {
    postMessage({ id, value: await tasks[name](...args) })
  } catch (error) {
    postMessage({ id, error: String(error?.stack ?? error) })
  }
}
