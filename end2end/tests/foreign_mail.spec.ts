import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Locator } from '@playwright/test'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import PostalMime from 'postal-mime'
import { type Foreign, gnupg, openpgpJs5, openpgpJs6 } from '../fixtures/foreign.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import type { MailRelay } from '../fixtures/mail_relay.ts'
import { expect, test } from '../fixtures/mail_test.ts'
import { armorOf, autocrypt, autocryptKey, encryptedMail, header, payload, signedMail, signedPart, strictly } from '../fixtures/mime.ts'
import type { Taken } from '../fixtures/smtp.ts'

const SUBJECT = 'Grüße, 世界 🐢'
const FILE = 'Übersicht für Łódź.bin'
const content = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 31) & 255))
const attachment = { name: FILE, mimeType: 'application/octet-stream', buffer: content }

/** A mail is exactly as the standards want it, and the signature of Alice's relay on it is good. */
async function examine(host: MailRelay, { bytes }: Taken) {
  strictly(bytes)
  const record = await host.dkimRecord()
  const resolver = async (name: string) => (name === record.name ? [[record.text]] : [])
  const { results } = await dkimVerify(bytes, { resolver })
  expect(results.map(({ status }) => status.result)).toEqual(['pass'])
  const changed = await dkimVerify(Buffer.from(bytes.toString().replace('Message-ID: <', 'Message-ID: <x')), { resolver })
  expect(changed.results.map(({ status }) => status.result)).toEqual(['fail'])
}

/** What a part says: two parsers agree on it. */
async function contentOf(part: Uint8Array) {
  const sha256 = createHash('sha256').update(content).digest('hex')
  const strict = strictly(Buffer.from(part))
  if (strict) expect(strict.subject).toBe(SUBJECT)
  if (strict) expect(strict.parts.at(-1)).toMatchObject({ name: FILE, sha256 })
  const { subject, text, html, attachments } = await PostalMime.parse(part)
  const types = strict?.parts.map(({ type }) => type)
  return { subject, text, html, types, files: attachments.map(file => [file.filename, Buffer.from(file.content as ArrayBuffer)]) }
}

async function save(mail: MailPage, card: Locator): Promise<Buffer> {
  const download = mail.page.waitForEvent('download')
  await card.getByRole('button', { name: /^Save/ }).click()
  return readFile(await (await download).path())
}

/** Somebody who uses another program is known to Alice by a mail, and they write each other. */
async function correspond(host: MailRelay, mail: MailPage, foreign: Foreign, address: string) {
  const who = { From: `Bärbel <${address}>`, To: 'alice@localhost', Date: new Date().toUTCString() }
  const key = { Autocrypt: autocrypt(address, foreign.certificate) }
  const hello = { ...who, ...key, Subject: `My key, ${foreign.name}`, 'Message-ID': `<hello@${address}>` }
  const plain = `${header({ ...hello, 'MIME-Version': '1.0', 'Content-Type': 'text/plain' })}\r\nUse it.\r\n`
  expect(await host.deliver(address, 'alice@localhost', plain)).toMatch(/^250/)
  const card = await mail.read(hello.Subject)
  await expect(card.getByRole('button', { name: 'Not signed' })).toBeVisible()

  const sent = host.smarthost.mails.length
  const text = `Hällo **${foreign.name}**,\n\ntrailing space \nFrom here on.\n.\n-- \nA.`
  await mail.write({ to: [address], subject: SUBJECT, text, files: [attachment] })
  await mail.button('Formatting').click()
  await expect(mail.page.getByText('End-to-end encrypted', { exact: true })).toBeVisible()
  await mail.send()
  await expect.poll(() => host.smarthost.mails.length).toBe(sent + 1)
  const taken = host.smarthost.mails[sent]
  expect(taken.recipients).toEqual([address])
  expect(taken.message).toContain('\r\nSubject: [...]\r\n')
  await examine(host, taken)
  const alices = autocryptKey(taken.message)
  const opened = await foreign.open(armorOf(taken.message, 'MESSAGE'), alices)
  expect(opened.verified).toBe(true)
  const read = await contentOf(opened.payload)
  expect(read.subject).toBe(SUBJECT)
  expect(read.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(text)
  expect(read.html).toContain(`<p>Hällo <strong>${foreign.name}</strong>,</p>`)
  const types = ['multipart/mixed', 'multipart/alternative', 'text/plain', 'text/html', 'application/octet-stream']
  expect(read.types ?? types).toEqual(types)
  expect(read.files).toEqual([[FILE, content]])

  await mail.openFolder('Inbox')
  const answer = { ...who, Subject: `Antwort für 愛麗絲 mit ${foreign.name}`, 'Message-ID': `<answer@${address}>` }
  const locked = payload('cipher', answer, `Grüße von ${foreign.name}`, [{ name: FILE, content }])
  const armored = await foreign.encrypt(locked, alices)
  expect(await host.deliver(address, 'alice@localhost', encryptedMail({ ...answer, Subject: '[...]' }, armored))).toMatch(/^250/)
  const shown = await mail.read(answer.Subject)
  await expect(shown.getByText(`Grüße von ${foreign.name}`).last()).toBeVisible()
  await expect(shown.getByRole('button', { name: 'End-to-end' })).toBeVisible()
  await expect(shown.getByRole('button', { name: 'Signed by the sender' })).toBeVisible()
  expect(await save(mail, shown)).toEqual(content)

  await mail.openFolder('Inbox')
  const open = { ...who, Subject: `Offen von ${foreign.name} 🐢`, 'Message-ID': `<open@${address}>` }
  const signed = payload('clear', open, `Lesbar für alle`, [])
  const mailed = signedMail(open, signed, await foreign.sign(signed))
  expect(await host.deliver(address, 'alice@localhost', mailed)).toMatch(/^250/)
  const good = await mail.read(open.Subject)
  await expect(good.getByRole('button', { name: 'Encrypted on arrival' })).toBeVisible()
  await expect(good.getByRole('button', { name: 'Signed by the sender' })).toBeVisible()
  await mail.openFolder('Inbox')
}

test('OpenPGP.js 6 and people in Haven write each other, encrypted and signed', async ({ host, mail }) => {
  await correspond(host, mail, await openpgpJs6('six@elsewhere.example'), 'six@elsewhere.example')
})

test('OpenPGP.js 5 and people in Haven write each other, encrypted and signed', async ({ host, mail }) => {
  await correspond(host, mail, await openpgpJs5('five@elsewhere.example'), 'five@elsewhere.example')
})

test('GnuPG and people in Haven write each other, encrypted and signed', async ({ host, mail }) => {
  const foreign = gnupg('gina@elsewhere.example')
  if (!foreign) return
  await correspond(host, mail, foreign, 'gina@elsewhere.example')
  foreign.stop()
})

test('other programs verify what is sent in the clear, and strict parsers take it', async ({ host, mail }) => {
  await mail.write({ to: ['dan@elsewhere.example'], subject: SUBJECT, text: 'Can you read this?', files: [attachment] })
  await mail.button('Send').click()
  await mail.page.getByRole('dialog').getByRole('button', { name: 'Send in the clear' }).click()
  await expect.poll(() => host.smarthost.mails.length).toBe(1)
  const [taken] = host.smarthost.mails
  await examine(host, taken)
  const strict = strictly(taken.bytes)
  if (strict) expect(strict.subject).toBe(SUBJECT)
  const [signed, signature, alices] = [signedPart(taken.message), armorOf(taken.message, 'SIGNATURE'), autocryptKey(taken.message)]
  expect((await contentOf(Buffer.from(signed))).files).toEqual([[FILE, content]])
  const others = [await openpgpJs6('dan@elsewhere.example'), await openpgpJs5('dan@elsewhere.example')]
  const gpg = gnupg('dan@elsewhere.example')
  for (const foreign of [...others, ...(gpg ? [gpg] : [])]) {
    expect(await foreign.verify(signed, signature, alices), foreign.name).toBe(true)
    expect(await foreign.verify(signed.replace('Can you', 'Could you'), signature, alices), foreign.name).toBe(false)
  }
  gpg?.stop()
})
