import { writeFile } from 'node:fs/promises'
import * as openpgp from 'openpgp'
import { inspect } from '../fixtures/accessibility.ts'
import { NETWORK_LOST } from '../fixtures/faults.ts'
import { mallorys, Smith } from '../fixtures/hostile.ts'
import { enter, opensByKeyboard, tabTo } from '../fixtures/keyboard.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { expect, test } from '../fixtures/mail_test.ts'
import { encryptedMail, header } from '../fixtures/mime.ts'
import { hasPython } from '../fixtures/relay.ts'

const dialog = ({ page }: MailPage, name: string) => page.getByRole('dialog', { name, exact: true })

test('what became of a mail for each recipient can be read by everybody', async ({ host, alice, mail }) => {
  const [dan, eve, fay] = ['dan@elsewhere.example', 'eve@elsewhere.example', 'fay@elsewhere.example']
  host.smarthost.refusals.set(eve, '550 5.1.1 Nobody of this name')
  host.smarthost.refusals.set(fay, '451 4.7.1 Come back later')
  await mail.write({ to: [dan, eve, fay], subject: 'For three', text: 'Who gets it?' })
  const { page } = mail
  const question = dialog(mail, 'Send this mail in the clear?')
  await opensByKeyboard(page, mail.button('Send'), question, question.getByRole('button', { name: 'Send in the clear' }))
  await inspect(page, 'the question before a mail goes in the clear')
  await enter(page, question.getByRole('button', { name: 'Send in the clear' }))
  await mail.openFolder('Sent')
  await expect(mail.row('For three')).toContainText('Not delivered to everyone')
  await inspect(page, 'a list with a mail that was not delivered to everyone')
  const card = await mail.read('For three')
  await expect(card.getByText('Sent to 1 of 3')).toBeVisible()
  await expect(card.getByText(`${eve} did not get it:`)).toContainText('550 5.1.1 Nobody of this name')
  if (!hasPython()) return
  // The sender hears of a delay after some hours.
  alice.faults.allow(NETWORK_LOST)
  await host.relay.kill()
  host.relay.tamper('UPDATE mail_queue SET first_tried = first_tried - 24 * 3600, due = 0, taken_until = 0')
  await host.relay.restart()
  await expect(card.getByText(`Not yet delivered to ${fay}:`)).toContainText('451 4.7.1 Come back later')
  await inspect(page, 'a mail that failed for one and is delayed for another')
})

test('a mail that waits can be read about by everybody', async ({ alice, mail }) => {
  const { page } = mail
  alice.faults.allow(NETWORK_LOST)
  await mail.write({ to: ['alice@localhost'], subject: 'Too early', text: 'Are you there?' })
  await expect(page.getByText('End-to-end encrypted', { exact: true })).toBeVisible()
  await alice.context.setOffline(true)
  await mail.button('Send').click()
  await mail.openFolder('Sent')
  await expect(mail.row('Too early')).toContainText('Waiting to be sent')
  await inspect(page, 'a list with a mail that waits')
  await mail.read('Too early')
  await expect(page.getByText('This mail is safe on this device.')).toBeVisible()
  await inspect(page, 'a mail that waits')
  await tabTo(page, mail.button('Back to drafts'))
})

test('a mail that was not sent says why, and is tried again and taken back by keyboard', async ({ person }) => {
  const { page, context, faults } = await person('alice')
  faults.allow(/responded with a status of 4/, NETWORK_LOST)
  const mail = new MailPage(page)
  await mail.open()
  await mail.write({ to: ['dan@elsewhere.example'], subject: 'To elsewhere', text: 'Hello Dan' })
  await enter(page, mail.button('Send'))
  await enter(page, page.getByRole('dialog').getByRole('button', { name: 'Send in the clear' }))
  await mail.openFolder('Sent')
  await expect(mail.row('To elsewhere')).toContainText('Not sent')
  await mail.read('To elsewhere')
  await expect(page.getByText('Whoever runs this relay has not set it up to send mail to other servers.')).toBeVisible()
  await inspect(page, 'a mail that was not sent')
  await context.setOffline(true)
  await enter(page, mail.button('Try again'))
  await expect(page.getByText('This mail is safe on this device.')).toBeVisible()
  await enter(page, mail.button('Back to drafts'))
  await expect(page.getByText('This mail is being taken back.')).toBeVisible()
  await context.setOffline(false)
  await expect(mail.subject).toHaveValue('To elsewhere')
})

test('mail that can not be opened can be read about by everybody', async ({ host, alice, mail }) => {
  const key = await openpgp.readKey({ armoredKey: await alice.publicKey() })
  const smith = new Smith(key.write())
  const { page } = mail
  await mail.open()
  const letter = 'Content-Type: text/plain; charset=utf-8\r\n\r\nNothing special.\r\n'
  const mails: [subject: string, mail: string, said: string][] = [
    ['Changed', encryptedMail(mallorys('Changed'), await smith.unchecked(letter)), 'This mail was changed or is not safe to open'],
    ['For somebody else', encryptedMail(mallorys('For somebody else'), await smith.memoryHog(letter)), 'This mail is locked for somebody else'],
    ['Far too much', encryptedMail(mallorys('Far too much'), await smith.bomb(80)), 'There is too much in this mail'],
  ]
  for (const [subject, text, said] of mails) {
    expect(await host.deliver('mallory@evil.example', 'alice@localhost', text)).toMatch(/^250/)
    await mail.read(subject)
    await expect(mail.cards.getByRole('alert')).toContainText(said)
    await inspect(page, said)
    if (subject === 'Changed') {
      const question = dialog(mail, 'Look at it unchecked?')
      await opensByKeyboard(page, mail.button('Show what there is, as text'), question, question.getByRole('button', { name: 'Show the text' }))
      await inspect(page, 'the question before unchecked text')
      await enter(page, question.getByRole('button', { name: 'Show the text' }))
      await expect(dialog(mail, 'Haven can’t decrypt this old format. This is how it came')).toBeVisible()
      await inspect(page, 'a mail as it came')
      await page.keyboard.press('Escape')
    }
    await mail.openFolder('Inbox')
  }
})

test('recipients of all kinds, files that are too large, and the questions about a draft can be read by everybody', async ({ mail }) => {
  const { page } = mail
  const large = test.info().outputPath('large.bin')
  await writeFile(large, Buffer.alloc(25_000_001))
  await mail.write({ to: ['alice@localhost', 'dan@elsewhere.example', 'nobody@localhost', 'a@b@c'], subject: 'All kinds', text: 'Hello' })
  await expect(page.getByText('One recipient has to be settled first')).toBeVisible()
  await expect(page.getByText('That does not look like an address.')).toBeVisible()
  await page.locator('input[type=file]').setInputFiles(large)
  await expect(page.getByText('That would be more than 25 MB of attachments')).toBeVisible()
  await inspect(page, 'recipients of all kinds, and a file that is too large')
  await tabTo(page, page.getByLabel('To', { exact: true }))
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  await enter(page, mail.button('Send'))
  await expect(page.getByText('It was not sent: something about a recipient has to be settled first.')).toBeVisible()
  await inspect(page, 'a mail with recipients that have to be settled first')
  await enter(page, page.getByRole('button', { name: 'Remove nobody@localhost' }).first())
  await expect(page.locator('.mail-chip', { hasText: 'nobody@localhost' })).toHaveCount(0)
  await expect(page.getByText('One recipient can’t get it encrypted')).toBeVisible()
  const question = dialog(mail, 'Discard this draft?')
  await opensByKeyboard(page, mail.button('Discard draft'), question, question.getByRole('button', { name: 'Discard draft' }))
  await inspect(page, 'the question before a draft is discarded')
  await enter(page, question.getByRole('button', { name: 'Discard draft' }))
  await expect(question).toBeHidden()
  await expect(mail.text).toHaveCount(0)
  await page.keyboard.press('?')
  await expect(dialog(mail, 'Keys')).toBeVisible()
  await inspect(page, 'the list of keys')
})
