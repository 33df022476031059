import { readFile } from 'node:fs/promises'
import * as openpgp from 'openpgp'
import type { Locator } from '@playwright/test'
import { NETWORK_LOST } from '../fixtures/faults.ts'
import { openpgpJs6 } from '../fixtures/foreign.ts'
import type { MailPage } from '../fixtures/mail_page.ts'
import type { MailRelay } from '../fixtures/mail_relay.ts'
import { expect, test } from '../fixtures/mail_test.ts'
import { armorOf, encryptedMail, header, payload } from '../fixtures/mime.ts'

const SHOP = 'orders@shop.example'
const DAN = 'dan@elsewhere.example'
const fields = (subject: string) => ({
  From: `Corner Shop <${SHOP}>`,
  To: 'alice@localhost',
  Cc: `Dan <${DAN}>`,
  Subject: subject,
  'Message-ID': `<${Buffer.from(subject).toString('hex')}@shop.example>`,
  Date: new Date().toUTCString(),
})

/** The shop writes to Alice. */
async function deliver(host: MailRelay, mail: string) {
  expect(await host.deliver(SHOP, 'alice@localhost', mail)).toMatch(/^250/)
}

const as = (kind: string, subject: string, body: string) =>
  `${header({ ...fields(subject), 'MIME-Version': '1.0' })}Content-Type: ${kind}; charset=utf-8\r\n\r\n${body}\r\n`

const notices = (mail: MailPage) => mail.page.getByRole('region', { name: 'Notices' })

test('pictures are asked of the relay alone, when that is wanted, and those that it does not fetch are counted', async ({ host, alice, mail }) => {
  // The relay asks for nothing inside its own network, and does not know the other server.
  const html = '<p>Your order is ready.</p><img src="http://127.0.0.1/inside.png"><img src="https://pictures.example/order.png">'
  await deliver(host, as('text/html', 'Order', html))
  const asked: string[] = []
  alice.context.on('request', request => asked.push(request.url()))
  const card = await mail.read('Order')
  const frame = mail.page.frameLocator('iframe.mail-frame')
  await expect(frame.getByText('Your order is ready.')).toBeVisible()
  const pictures = `${host.origin}/v1/mail/picture`
  expect(asked).not.toContain(pictures)
  await card.getByRole('button', { name: 'Show pictures' }).click()
  await expect(notices(mail).getByText('2 pictures could not be fetched: their servers have none there, or did not answer.')).toBeVisible()
  await expect(card.getByText('Pictures from elsewhere were left out')).toBeHidden()
  await expect(frame.getByText('Your order is ready.')).toBeVisible()
  await expect(frame.locator('img[src]')).toHaveCount(0)
  expect(asked.filter(url => url === pictures)).toHaveLength(2)
  expect(new Set(asked.map(url => new URL(url).origin))).toEqual(new Set([host.origin]))
})

test('a mail that was archived or put into the trash comes back with one press', async ({ host, mail }) => {
  await deliver(host, as('text/plain', 'Boat', 'Who paints it?'))
  for (const [tool, said, folder] of [
    ['Archive', 'Archived.', 'Archive'],
    ['Move to the trash', 'Moved to the trash.', 'Trash'],
  ]) {
    await mail.read('Boat')
    await mail.button(tool).click()
    await expect(notices(mail).getByText(said)).toBeVisible()
    await expect(mail.rows).toHaveCount(0)
    await mail.openFolder(folder)
    await expect(mail.row('Boat')).toHaveCount(1)
    await notices(mail).getByRole('button', { name: 'Undo' }).click()
    await expect(notices(mail).getByText('Back in “Inbox”.')).toBeVisible()
    await expect(mail.rows).toHaveCount(0)
    await mail.openFolder('Inbox')
    await expect(mail.row('Boat')).toHaveCount(1)
    await mail.page.reload()
    await expect(mail.row('Boat')).toHaveCount(1)
  }
})

async function original(mail: MailPage, card: Locator): Promise<Buffer> {
  await card.getByText(/^To you/).click()
  const download = mail.page.waitForEvent('download')
  await card.getByRole('button', { name: 'Save original (.eml)' }).click()
  expect((await download).suggestedFilename()).toBe('mail.eml')
  return readFile(await (await download).path())
}

test('a mail that is saved opens as the same mail, in another program and here', async ({ host, alice, mail }) => {
  const foreign = await openpgpJs6(SHOP)
  const key = await openpgp.readKey({ armoredKey: await alice.publicKey() })
  await mail.open()
  const inside = payload('cipher', fields('Grüße vom See'), 'Ein Geheimnis.', [{ name: 'Plan.bin', content: Buffer.from('a plan') }])
  const sent = encryptedMail(fields('[...]'), await foreign.encrypt(inside, key.write()))
  await deliver(host, sent)
  const eml = (await original(mail, await mail.read('Grüße vom See'))).toString()
  expect(eml.trimEnd().endsWith(sent.trimEnd())).toBe(true)
  const opened = await foreign.open(armorOf(eml, 'MESSAGE'), foreign.certificate)
  expect([Buffer.from(opened.payload).toString(), opened.verified]).toEqual([inside, true])

  await mail.openFolder('Inbox')
  await deliver(host, eml)
  await expect(mail.row('Grüße vom See').getByText('2 mails')).toBeVisible()
  const again = await mail.read('Grüße vom See')
  await expect(again.getByRole('button', { name: 'End-to-end' })).toBeVisible()
  await expect(again.locator('.mail-body')).toHaveText('Ein Geheimnis.')
  const download = mail.page.waitForEvent('download')
  await again.getByRole('button', { name: 'Save Plan.bin' }).click()
  expect(await readFile(await (await download).path(), 'utf8')).toBe('a plan')
})

test('a mail is printed without what stands around it', async ({ host, mail }) => {
  await deliver(host, `${header(fields('Boat'))}${payload('clear', {}, 'Who paints it?', [{ name: 'Plan.bin', content: Buffer.from('a plan') }])}`)
  const card = await mail.read('Boat')
  const mails = [
    mail.page.getByRole('heading', { level: 2, name: 'Boat' }),
    card.getByText('Corner Shop', { exact: true }),
    card.locator('.mail-body').getByText('Who paints it?'),
    card.getByText('Plan.bin', { exact: true }).first(),
  ]
  const around = [
    mail.page.getByRole('link', { name: 'Chats' }),
    mail.page.getByRole('link', { name: 'Write', exact: true }),
    mail.page.getByRole('navigation', { name: 'Folders' }).getByRole('link', { name: 'Sent' }),
    mail.search,
    mail.row('Boat'),
    ...['Archive', 'Print', 'Reply', 'Forward', 'Save Plan.bin'].map(name => mail.button(name)),
  ]
  for (const part of [...mails, ...around]) await expect(part).toBeVisible()
  await mail.page.emulateMedia({ media: 'print' })
  for (const part of mails) await expect(part).toBeVisible()
  for (const part of around) await expect(part).toBeHidden()
  await mail.page.emulateMedia({ media: 'screen' })
  for (const part of around) await expect(part).toBeVisible()
})

test('after a reload without a network, a search finds mail that was never opened, and it can be read', async ({ host, alice, mail }) => {
  for (const [subject, text] of [['Garden', 'The lavender is in flower.'], ['Lake', 'The heliotrope is in flower.']]) {
    await deliver(host, as('text/plain', subject, text))
    await expect(mail.row(subject)).toHaveCount(1)
  }
  await mail.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  alice.faults.allow(NETWORK_LOST)
  await alice.context.setOffline(true)
  await mail.page.reload()
  await expect(mail.page.getByText('You are offline.')).toBeVisible()
  await expect(mail.rows).toHaveCount(2)
  await mail.search.fill('lavender')
  await expect(mail.rows).toHaveCount(1)
  const card = await mail.read('Garden')
  await expect(card.locator('.mail-body')).toHaveText('The lavender is in flower.')
})

test('keys do what the list of keys says', async ({ host, mail }) => {
  const { page } = mail
  const { keyboard } = page
  const recipients = page.locator('.mail-chip')
  const closed = async () => {
    await expect(mail.cards).toHaveCount(0)
    await expect(page).toHaveURL(/\/mail\/inbox$/)
  }
  const writes = async (subject: string, to: string[], focus: Locator) => {
    await expect(mail.subject).toHaveValue(subject)
    await expect(recipients).toHaveText(to.map(name => new RegExp(name)))
    await expect(focus).toBeFocused()
    await keyboard.press('Escape')
    await expect(mail.text).toHaveCount(0)
  }
  const sends = async () => {
    await expect(mail.text).toBeFocused()
    await keyboard.press('Control+Home')
    await keyboard.type('I do.')
    await keyboard.press('Control+Enter')
    await page.getByRole('dialog', { name: 'Send this mail in the clear?' }).getByRole('button', { name: 'Send in the clear' }).click()
    await expect.poll(() => host.smarthost.mails.map(({ message }) => message.includes('I do.'))).toEqual([true])
  }
  const keys: [key: string, does: string, check: () => Promise<unknown>][] = [
    ['r', 'Reply', () => writes('Re: Boat', ['Corner Shop'], mail.text)],
    ['a', 'Reply all', () => writes('Re: Boat', ['Corner Shop', 'Dan'], mail.text)],
    ['f', 'Forward', () => writes('Fwd: Boat', [], page.getByLabel('To', { exact: true }))],
    ['r', 'Send what you write', sends],
    ['/', 'Search', () => expect(mail.search).toBeFocused()],
    ['Escape', 'Back to the list', closed],
    ['u', 'Mark as unread', async () => (await closed(), expect(mail.row('Boat').getByText('1 unread')).toHaveCount(1))],
    ['#', 'Move to the trash', async () => (await closed(), expect(mail.rows).toHaveCount(0))],
  ]
  await keyboard.press('?')
  const list = page.getByRole('dialog', { name: 'Keys' })
  for (const [, does] of keys) await expect(list.getByText(does, { exact: true })).toBeVisible()
  await keyboard.press('Escape')
  await expect(list).toBeHidden()
  await deliver(host, as('text/plain', 'Boat', 'Who paints it?'))
  for (const [key, does, check] of keys) {
    await test.step(`${key}: ${does}`, async () => {
      await mail.openFolder('Inbox')
      await mail.row('Boat').click()
      await expect(mail.cards.first()).toBeVisible()
      await keyboard.press(key)
      await check()
    })
  }
})
