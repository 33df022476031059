import { createCipheriv, createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Browser, Locator } from '@playwright/test'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import PostalMime from 'postal-mime'
import { NETWORK_LOST } from '../fixtures/faults.ts'
import { type Foreign, gnupg } from '../fixtures/foreign.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { MailRelay } from '../fixtures/mail_relay.ts'
import { armorOf, autocrypt, autocryptKey, encryptedMail, header, payload, signedPart } from '../fixtures/mime.ts'
import { Person } from '../fixtures/person.ts'
import { hasPostfix, Postfix } from '../fixtures/postfix.ts'
import { hasSwaks, swaks } from '../fixtures/swaks.ts'
import { expect, test } from '../fixtures/test.ts'

const ALICE = 'alice@localhost'
const GINA = 'gina@elsewhere.example'
const DAN = 'dan@elsewhere.example'
const NOBODY = 'nobody@elsewhere.example'
const LOST = 'lost@elsewhere.example'
/** For what is done with 25 MB. */
const LONG = { timeout: 60_000 }

/** Bytes that can't be compressed. */
function noise(size: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** As much as the app lets people attach to a mail. */
const large = noise(25_000_000)
/** In base64, just less than the 52 MiB that the relay takes (`MAX_ARRIVING_MAIL`). */
const largest = noise(39_800_000)
/** And just more. */
const tooLarge = noise(39_900_000)

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Alice at a browser, and mail servers that others have written. */
interface Scene {
  alice: Person
  mail: MailPage
  host: MailRelay
  postfix: Postfix
  /** Writes a file for a program to read, and answers where it is. */
  file: (name: string, content: string | Uint8Array) => Promise<string>
  gina: Foreign
}

/** One scene for all of them. Nothing, said loudly, if a program is missing. */
const world = test.extend<object, { scene: Scene | undefined }>({
  scene: [
    async ({ browser }, use) => {
      const ends: (() => unknown)[] = []
      try {
        await use(await begin(browser, end => ends.unshift(end)))
      } finally {
        const faults: unknown[] = []
        for (const end of ends) await Promise.resolve().then(end).catch(fault => faults.push(fault))
        expect(faults).toEqual([])
      }
    },
    { scope: 'worker' },
  ],
})

world.beforeEach(({ scene }) => scene?.mail.openFolder('Inbox'))
world.afterEach(({ scene }) => scene?.alice.faults.check())

/** Starts everything, and tells `later` what is to be done at the end, the last of it first. */
async function begin(browser: Browser, later: (end: () => unknown) => void): Promise<Scene | undefined> {
  const gina = hasPostfix() && hasSwaks() ? gnupg(GINA) : undefined
  if (!gina) return undefined
  later(gina.stop)
  const files = await mkdtemp(join(tmpdir(), 'haven-files-'))
  later(() => rm(files, { recursive: true }))
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(files, name), content)
    return join(files, name)
  }
  const postfix = await Postfix.create([GINA, DAN], LOST)
  later(() => postfix.stop())
  const tls = { smarthost_tls: 'required', tls_certificate: postfix.certificate, tls_key: postfix.key }
  const settings = { smarthost: `smtp://localhost:${postfix.port}`, ...tls, smtp_proxies: ['127.0.0.1'] }
  const host = await MailRelay.start(settings, { SSL_CERT_FILE: postfix.certificate })
  later(() => host.stop())
  await postfix.start(host.smtp)
  const alice = new Person('alice', host.origin)
  await alice.use(await browser.newContext())
  later(() => alice.context.close())
  await alice.signUp()
  const mail = new MailPage(alice.page)
  await mail.open()
  return { alice, mail, host, postfix, file, gina }
}

const from = (subject: string) => ({ From: `Gina <${GINA}>`, To: ALICE, Date: new Date().toUTCString(), Subject: subject })

/** Saves the only attachment, and answers the hash of what is in the file. */
async function saved(mail: MailPage, card: Locator): Promise<string> {
  const download = mail.page.waitForEvent('download', LONG)
  await card.getByRole('button', { name: /^Save/ }).click(LONG)
  const hash = createHash('sha256')
  await pipeline(createReadStream(await (await download).path()), hash)
  return hash.digest('hex')
}

/** The only mail that Postfix put into a mailbox, a character for each byte. */
async function only(postfix: Postfix, address: string): Promise<string> {
  await expect.poll(() => postfix.mails(address), LONG).toHaveLength(1)
  return (await postfix.mails(address))[0].toString('latin1')
}

/** A part says this, and has this file. */
async function contains(part: string | Uint8Array, subject: string, text: string, file: Buffer) {
  const read = await PostalMime.parse(part)
  expect([read.subject, read.text?.trim()]).toEqual([subject, text])
  const files = read.attachments.map(({ content }) => sha256(new Uint8Array(content as ArrayBuffer)))
  expect(files).toEqual([sha256(file)])
}

/** Gina's key gets to Alice by a mail in the clear, which swaks gives to Postfix. */
async function introduce({ mail, postfix, gina, file }: Scene) {
  const key = { Autocrypt: autocrypt(GINA, gina.certificate), 'Message-ID': `<hello@${GINA}>` }
  const hello = `${header({ ...from('My key'), ...key, 'MIME-Version': '1.0', 'Content-Type': 'text/plain' })}\r\nUse it.\r\n`
  const { well, said } = await swaks(postfix.port, GINA, ALICE, '--data', `@${await file('hello.eml', hello)}`)
  expect(well, said).toBe(true)
  const card = await mail.read('My key')
  await expect(card.getByText('Use it.').last()).toBeVisible()
  await expect(card.getByRole('button', { name: 'Encrypted on arrival' })).toBeVisible()
}

world('an encrypted mail with 25 MB goes through Postfix to a mailbox that GnuPG opens, and one with 25 MB comes back', async ({ scene }) => {
  if (!scene) return
  const { mail, host, postfix, gina, file } = scene
  await introduce(scene)
  await mail.write({ to: [GINA], subject: 'The whole archive', text: 'Here it is.' })
  await mail.attach(await file('archive.bin', large))
  await expect(mail.page.getByText('End-to-end encrypted', { exact: true })).toBeVisible()
  await mail.send()
  const delivered = await only(postfix, GINA)
  const head = delivered.slice(0, delivered.indexOf('\r\n\r\n'))
  expect(head).toContain(`Return-Path: <${ALICE}>\r\nX-Original-To: ${GINA}\r\n`)
  expect(head).toMatch(/by mail\.elsewhere\.example \(Postfix\) with ESMTPS id/)
  expect(head).toContain('\r\nSubject: [...]\r\n')
  const record = await host.dkimRecord()
  const resolver = async (name: string) => (name === record.name ? [[record.text]] : [])
  const { results } = await dkimVerify(Buffer.from(delivered, 'latin1'), { resolver })
  expect(results.map(({ status }) => status.result)).toEqual(['pass'])

  const alices = autocryptKey(delivered)
  const opened = await gina.open(armorOf(delivered, 'MESSAGE'), alices)
  expect(opened.verified).toBe(true)
  await contains(opened.payload, 'The whole archive', 'Here it is.', large)
  await mail.openFolder('Sent')
  await expect(mail.row('The whole archive')).toContainText('End-to-end')
  await expect((await mail.read('The whole archive')).locator('.mail-state')).toHaveText('Sent')

  const answer = from('Got it all')
  const locked = payload('cipher', answer, 'Have it back.', [{ name: 'large.bin', content: large }])
  const encrypted = encryptedMail({ ...answer, Subject: '[...]', 'Message-ID': `<answer@${GINA}>` }, await gina.encrypt(locked, alices))
  const { well, said } = await swaks(postfix.port, GINA, ALICE, '--data', `@${await file('answer.eml', encrypted)}`)
  expect(well, said).toBe(true)
  await mail.openFolder('Inbox')
  await expect(mail.row('Got it all')).toHaveCount(1, LONG)
  const card = await mail.read('Got it all')
  await expect(card.getByText('Have it back.').last()).toBeVisible(LONG)
  await expect(card.getByRole('button', { name: 'End-to-end' })).toBeVisible()
  await expect(card.getByRole('button', { name: 'Signed by the sender' })).toBeVisible()
  expect(await saved(mail, card)).toBe(sha256(large))
})

world('25 MB go in the clear to whom Postfix knows, and the sender hears of whom it does not know', async ({ scene }) => {
  if (!scene) return
  const { mail, postfix, gina, file } = scene
  await mail.write({ to: [DAN, NOBODY], subject: 'For two', text: 'One of you exists.' })
  await mail.attach(await file('large.bin', large))
  await mail.button('Send').click()
  await mail.page.getByRole('dialog').getByRole('button', { name: 'Send in the clear' }).click()
  const delivered = await only(postfix, DAN)
  const [signed, signature] = [signedPart(delivered), armorOf(delivered, 'SIGNATURE')]
  expect(await gina.verify(signed, signature, autocryptKey(delivered))).toBe(true)
  await contains(signed, 'For two', 'One of you exists.', large)
  await mail.openFolder('Sent')
  await expect(mail.row('For two')).toContainText('Not delivered to everyone')
  const card = await mail.read('For two')
  await expect(card.getByText('Sent to 1 of 2')).toBeVisible()
  const words = `550 5.1.1 <${NOBODY}>: Recipient address rejected: User unknown in virtual mailbox table`
  await expect(card.getByText(`${NOBODY} did not get it:`)).toContainText(words)
})

world('what Postfix finds out about a mail after it took it is told of that mail', async ({ scene }) => {
  if (!scene) return
  const { mail } = scene
  await mail.write({ to: [LOST], subject: 'Where are you?', text: 'Say something.' })
  await mail.button('Send').click()
  await mail.page.getByRole('dialog').getByRole('button', { name: 'Send in the clear' }).click()
  await mail.openFolder('Sent')
  await expect(mail.row('Where are you?')).toContainText('Not delivered')
  await mail.row('Where are you?').click()
  const sent = mail.cards.first()
  await expect(sent.getByText(`${LOST} did not get it:`)).toContainText('unknown mail system error 1')
  await expect(mail.cards, 'the report itself is beside it').toHaveCount(2)
})

world('swaks brings mail as large as the relay takes, and hears that more is too large', async ({ scene }) => {
  if (!scene) return
  const { mail, host, file } = scene
  const bring = (subject: string, ...options: string[]) =>
    swaks(host.smtp, GINA, ALICE, '--header', `Subject: ${subject}`, '--body', `About it: ${subject}`, ...options)
  const plain = await bring('A few words')
  expect(plain.said).toContain('250 2.0.0 Taken, encrypted and stored')
  const card = await mail.read('A few words')
  await expect(card.getByText('About it: A few words').last()).toBeVisible()
  await expect(card.getByRole('button', { name: 'Not signed' })).toBeVisible()

  await mail.openFolder('Inbox')
  const whole = await bring('The archive', '--attach', `@${await file('largest.bin', largest)}`)
  expect(whole.said).toContain('250 2.0.0 Taken, encrypted and stored')
  await expect(mail.row('The archive')).toHaveCount(1, LONG)
  const archive = await mail.read('The archive')
  await expect(archive.getByText('About it: The archive').last()).toBeVisible(LONG)
  await expect(archive.getByRole('button', { name: 'Encrypted on arrival' })).toBeVisible()
  expect(await saved(mail, archive)).toBe(sha256(largest))

  const refused = await bring('Far too much', '--attach', `@${await file('too_large.bin', tooLarge)}`)
  expect(refused.said).toContain('<** 552 5.3.4 The mail is too large')
  expect(refused.well).toBe(false)
})

world('a Postfix in front of the relay answers what the relay answers', async ({ scene }) => {
  if (!scene) return
  const { mail, postfix, file } = scene
  const bring = (to: string, subject: string, ...options: string[]) =>
    swaks(postfix.front, GINA, to, '--header', `Subject: ${subject}`, '--body', `About it: ${subject}`, ...options)
  const unknown = await bring('nobody@localhost', 'Nobody reads this')
  expect(unknown.said).toContain('<** 550 5.1.1 No such mailbox')
  expect(unknown.well).toBe(false)
  const archive = ['--attach', `@${await file('large.bin', large)}`]
  const taken = await bring(ALICE, 'In one go', '--pipeline', '--header', 'Message-ID: <in-one-go@client.example>', ...archive)
  expect(taken.said).toContain('250 2.0.0 Taken, encrypted and stored')
  await expect(mail.row('In one go')).toHaveCount(1, LONG)
  const card = await mail.read('In one go')
  await expect(card.getByText('About it: In one go').last()).toBeVisible(LONG)
  expect(await saved(mail, card)).toBe(sha256(large))
  // It was in no queue.
  expect(await postfix.log()).not.toContain('in-one-go@client.example')
})

world('mail that comes while the relay is away waits in Postfix', async ({ scene }) => {
  if (!scene) return
  const { alice, mail, host, postfix } = scene
  alice.faults.allow(NETWORK_LOST)
  await host.relay.kill()
  const { well, said } = await swaks(postfix.port, GINA, ALICE, '--header', 'Subject: Take your time', '--body', 'No hurry.')
  expect(well, said).toBe(true)
  await expect.poll(() => postfix.log()).toContain('status=deferred')
  await host.relay.restart()
  postfix.flush()
  await expect(await mail.read('Take your time')).toContainText('No hurry.')
})
