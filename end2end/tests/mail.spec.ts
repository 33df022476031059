import { readFile, writeFile } from 'node:fs/promises'
import { inspect } from '../fixtures/accessibility.ts'
import { NETWORK_LOST } from '../fixtures/faults.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { MailRelay } from '../fixtures/mail_relay.ts'
import { Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('two people write each other mail with files, find it offline, and have it after a reload', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const [hers, his] = [new MailPage(alice.page), new MailPage(bob.page)]
  await his.open()
  await hers.open()
  const buffer = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) & 255))
  const files = [{ name: 'Plan für den Steg.bin', mimeType: 'application/octet-stream', buffer }]
  await hers.write({ to: [bob.address], subject: 'Grüße vom See', text: 'The heliotrope is in flower.', files })
  await expect(alice.page.getByText('End-to-end encrypted', { exact: true })).toBeVisible()
  await hers.send()

  const card = await his.read('Grüße vom See')
  await expect(card.getByText('The heliotrope is in flower.').last()).toBeVisible()
  await expect(card.getByRole('button', { name: 'End-to-end' })).toBeVisible()
  await expect(card.getByRole('button', { name: /^Signed/ })).toBeVisible()
  const download = bob.page.waitForEvent('download')
  await card.getByRole('button', { name: /^Save/ }).click()
  expect(await readFile(await (await download).path())).toEqual(buffer)

  await card.getByRole('button', { name: 'Reply', exact: true }).click()
  await his.text.press('Control+Home')
  await his.text.pressSequentially('I bring bread.\n')
  await his.send()
  await hers.openFolder('Inbox')
  const answer = await hers.read('Re: Grüße vom See')
  await expect(answer.getByText('I bring bread.').last()).toBeVisible()
  await expect(hers.cards).toHaveCount(2)
  await hers.openFolder('Sent')
  await expect(hers.row('Grüße vom See')).toHaveCount(1)

  bob.faults.allow(NETWORK_LOST)
  await bob.context.setOffline(true)
  await his.openFolder('Inbox')
  await his.search.fill('heliotrope')
  await expect(his.row('Grüße vom See')).toHaveCount(1)
  await bob.context.setOffline(false)
  await bob.page.reload()
  await his.openFolder('Inbox')
  await expect(his.row('Grüße vom See')).toHaveCount(1)
})

test('what was typed is there after a reload in the middle of it', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const mail = new MailPage(alice.page)
  await mail.open()
  await mail.write({ to: [bob.address], subject: 'Half a thought', text: 'It began with' })
  await expect(alice.page.getByText('Saved', { exact: true })).toBeVisible()
  await alice.page.reload()
  await expect(mail.text).toHaveValue('It began with')
  await expect(mail.subject).toHaveValue('Half a thought')
  await mail.send()
  const his = new MailPage(bob.page)
  await his.open()
  await expect(await his.read('Half a thought')).toContainText('It began with')
})

test('a mail that is being handed over is taken back, changed, and then sent once', async ({ person }) => {
  const [alice, bob] = [await person('alice', { serviceWorkers: 'block' }), await person('bob')]
  const [hers, his] = [new MailPage(alice.page), new MailPage(bob.page)]
  await his.open()
  await hers.open()
  let handedOver = 0
  const neverArrives = () => void handedOver++
  await alice.page.route('**/v1/mail/submit', neverArrives, { times: 1 })
  const buffer = Buffer.alloc(5_000_000, 'keel')
  const file = test.info().outputPath('keel.bin')
  await writeFile(file, buffer)
  await hers.write({ to: [bob.address], subject: 'The boat', text: 'The first thought.' })
  await hers.attach(file)
  await hers.send()
  await expect.poll(() => handedOver).toBe(1)

  await hers.openFolder('Sent')
  await hers.read('The boat')
  await hers.button('Back to drafts').click()
  await expect(hers.text).toHaveValue('The first thought.')
  await hers.text.fill('The second thought.')
  await hers.send()
  const card = await his.read('The boat')
  await expect(card.getByText('The second thought.').last()).toBeVisible()
  const download = bob.page.waitForEvent('download')
  await card.getByRole('button', { name: /^Save/ }).click()
  expect(await readFile(await (await download).path())).toEqual(buffer)
  await expect(his.rows).toHaveCount(1)
})

test('mail comes from and goes to other servers, in the clear only after a question', async ({ browser }) => {
  const host = await MailRelay.start()
  const alice = new Person('alice', host.origin)
  await alice.use(await browser.newContext())
  await alice.signUp()
  const mail = new MailPage(alice.page)
  await mail.open()
  const message = [
    'From: Corner Shop <orders@shop.example>',
    'To: alice@localhost',
    'Subject: Two pounds of heliotrope',
    'Message-ID: <1@shop.example>',
    'Date: Mon, 23 Nov 2026 06:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>Your <b>order</b> is ready.</p><img src="https://tracker.example/pixel.gif"><script>document.title="bad"</script>',
  ].join('\n')
  expect(await host.deliver('orders@shop.example', 'alice@localhost', message)).toMatch(/^250/)
  expect(await host.deliver('orders@shop.example', 'nobody@localhost', message)).toMatch(/^550/)
  const card = await mail.read('Two pounds of heliotrope')
  await expect(card.getByRole('button', { name: 'Encrypted on arrival' })).toBeVisible()
  await expect(card.getByText('Pictures from elsewhere were left out')).toBeVisible()
  await expect(alice.page.frameLocator('iframe').getByText('order')).toBeVisible()

  await mail.write({ to: ['dan@elsewhere.example'], subject: 'Open question', text: 'Can you read this?' })
  await mail.button('Send').click()
  const dialog = alice.page.getByRole('dialog', { name: 'Send this mail in the clear?' })
  await expect(dialog).toContainText('dan@elsewhere.example')
  expect(host.smarthost.mails).toEqual([])
  await dialog.getByRole('button', { name: 'Send in the clear' }).click()
  await expect.poll(() => host.smarthost.mails.length).toBe(1)
  expect(host.smarthost.mails[0].recipients).toEqual(['dan@elsewhere.example'])
  expect(host.smarthost.mails[0].message).toContain('Can you read this?')
  expect(host.smarthost.mails[0].message).toMatch(/^DKIM-Signature:/m)
  await mail.openFolder('Sent')
  const sent = await mail.read('Open question')
  await expect(sent.locator('.mail-state')).toHaveText('Sent')
  alice.faults.check()
  await alice.context.close()
  await host.stop()
})

test('no screen of mail has a serious fault of accessibility', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const [hers, his] = [new MailPage(alice.page), new MailPage(bob.page)]
  await hers.open()
  await hers.write({ to: [bob.address], subject: 'A look around', text: 'Is everything where it should be?' })
  await inspect(hers.page, 'writing')
  await hers.send()
  await his.open()
  await expect(his.row('A look around')).toHaveCount(1)
  await inspect(his.page, 'list')
  await his.read('A look around')
  await expect(his.cards).toHaveCount(1)
  await inspect(his.page, 'reading')
})
