import { readFile } from 'node:fs/promises'
import * as openpgp from 'openpgp'
import type { Download, Page } from '@playwright/test'
import { inspect } from '../fixtures/accessibility.ts'
import { type Foreign, gnupg, openpgpJs6 } from '../fixtures/foreign.ts'
import { enter, opensByKeyboard, tabTo } from '../fixtures/keyboard.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import type { MailRelay } from '../fixtures/mail_relay.ts'
import { test as withMail } from '../fixtures/mail_test.ts'
import { armorOf, autocryptKey } from '../fixtures/mime.ts'
import { PeoplePage } from '../fixtures/people_page.ts'
import { introduce } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('two people see the same number, and who is verified in one browser is verified in all of them', async ({ person, visitor, relay }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const [hers, his] = [new PeoplePage(alice.page), new PeoplePage(bob.page)]
  const numbers: string[] = []
  for (const [people, other] of [[hers, 'bob'], [his, 'alice']] as const) {
    await people.open()
    await people.openPerson(other)
    await expect(people.badge('Known')).toBeVisible()
    await people.compare.click()
    numbers.push(await people.safetyNumber())
  }
  expect(numbers[0]).toBe(numbers[1])
  // What is said of it is in the dialog, where it can be seen and closed.
  const said = hers.comparing.getByRole('region', { name: 'Notices' }).getByRole('button', { name: 'Close' })
  await hers.comparing.getByRole('button', { name: /^Copy/ }).first().click()
  await said.click()
  await expect(said).toBeHidden()
  await hers.comparing.getByLabel('Or paste what they sent you').fill(numbers[1])
  await expect(hers.comparing.getByText('It is the same number.')).toBeVisible()
  await hers.comparing.getByRole('button', { name: 'They match' }).click()
  await expect(hers.badge('Verified')).toBeVisible()

  const other = await visitor('alice')
  await other.welcome.open(relay.origin)
  await other.welcome.signIn('alice', alice.password)
  const there = new PeoplePage(other.page)
  await there.open()
  await expect(there.row('bob').getByText('Verified', { exact: true })).toBeVisible()
  await there.openPerson('bob')
  await expect(there.badge('Verified')).toBeVisible()
  // It is Alice's word alone.
  await expect(his.badge('Known')).toBeVisible()
  await there.person.getByRole('button', { name: 'Not verified any more' }).click()
  for (const people of [there, hers]) await expect(people.badge('Known')).toBeVisible()
})

/** Somebody gives Alice their key as a file, and gets mail that they alone can open. */
async function addKey(host: MailRelay, mail: MailPage, foreign: Foreign, address: string, look = false) {
  const key = await openpgp.readKey({ binaryKey: foreign.certificate })
  const fingerprint = key.getFingerprint().toUpperCase().match(/.{4}/g)!.join(' ')
  const file = { name: 'key.asc', mimeType: 'application/pgp-keys', buffer: Buffer.from(key.armor()) }
  await mail.open()
  await mail.write({ to: [address], subject: `For ${foreign.name}`, text: 'Only you can read this.' })
  await expect(mail.page.getByText('One recipient can’t get it encrypted')).toBeVisible()

  const people = new PeoplePage(mail.page)
  await people.open()
  await people.addKey.click()
  await people.adding.locator('input[type=file]').setInputFiles({ ...file, buffer: Buffer.from('hello') })
  await expect(people.adding.getByText('There is no key in this file that Haven can use.')).toBeVisible()
  await people.adding.locator('input[type=file]').setInputFiles(file)
  await expect(people.adding.getByText(address, { exact: true })).toBeVisible()
  await expect(people.adding.getByText(fingerprint)).toBeVisible()
  if (look) await inspect(mail.page, 'a key from a file')
  await people.adding.getByRole('button', { name: 'Add this key' }).click()
  await expect(people.person.getByText(fingerprint)).toBeVisible()
  await expect(people.person.getByText('From a file that you added')).toBeVisible()

  await mail.open()
  await mail.openFolder('Drafts')
  // This key leads through mail, but would type itself into a draft.
  await expect(mail.row(`For ${foreign.name}`)).toBeVisible()
  await expect(mail.page).toHaveURL(/\/mail\/drafts$/)
  await mail.page.keyboard.press('j')
  await expect(mail.page).toHaveURL(/\/mail\/drafts$/)
  await mail.row(`For ${foreign.name}`).click()
  await mail.page.getByText('End-to-end encrypted', { exact: true }).click()
  await expect(mail.page.getByText(`${address} gets it end-to-end encrypted, with the key that you added from a file.`)).toBeVisible()
  const sent = host.smarthost.mails.length
  await mail.send()
  await expect.poll(() => host.smarthost.mails.length).toBe(sent + 1)
  const { recipients, message } = host.smarthost.mails[sent]
  expect(recipients).toEqual([address])
  expect(message).not.toContain('Only you can read this.')
  const opened = await foreign.open(armorOf(message, 'MESSAGE'), autocryptKey(message))
  expect(opened.verified).toBe(true)
  expect(Buffer.from(opened.payload).toString()).toContain('Only you can read this.')
}

withMail('mail to somebody whose key was added from a file is encrypted, whether of OpenPGP.js or of GnuPG', async ({ host, mail }) => {
  await addKey(host, mail, await openpgpJs6('six@elsewhere.example'), 'six@elsewhere.example', true)
  const gpg = gnupg('gina@elsewhere.example')
  if (!gpg) return
  await addKey(host, mail, gpg, 'gina@elsewhere.example')
  gpg.stop()
})

test('with the keyboard alone: a safety number is compared, and everybody can read it', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const his = new PeoplePage(bob.page)
  await his.open()
  await his.openPerson('alice')
  await his.compare.click()
  const number = await his.safetyNumber()

  const { page } = alice
  const people = new PeoplePage(page)
  await enter(page, page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'People' }))
  await enter(page, people.row('bob'))
  await expect(people.compare).toBeVisible()
  await opensByKeyboard(page, people.compare, people.comparing, people.comparing.getByRole('button', { name: 'They match' }))
  expect(await people.safetyNumber()).toBe(number)
  await tabTo(page, people.comparing.getByLabel('Or paste what they sent you'))
  await page.keyboard.type(number.slice(0, -1) + (number.endsWith('1') ? '2' : '1'))
  await expect(people.comparing.getByText('This is another number.')).toBeVisible()
  await expect(people.comparing.getByRole('button', { name: 'They match' })).toBeDisabled()
  await enter(page, people.comparing.getByRole('button', { name: 'They don’t match' }))
  await expect(people.comparing.getByText('Then don’t rely on this identity')).toBeVisible()
  await inspect(page, 'a safety number')
  await page.keyboard.press('Escape')
  await expect(people.badge('Known')).toBeVisible()
  await enter(page, people.compare)
  await tabTo(page, people.comparing.getByLabel('Or paste what they sent you'))
  await page.keyboard.type(number)
  await enter(page, people.comparing.getByRole('button', { name: 'They match' }))
  await expect(people.badge('Verified')).toBeVisible()
  await inspect(page, 'somebody who is verified')

  const choose = people.adding.getByRole('button', { name: 'Choose a file' })
  await opensByKeyboard(page, people.addKey, people.adding, choose)
  const chooser = page.waitForEvent('filechooser')
  await enter(page, choose)
  expect((await chooser).isMultiple()).toBe(false)
})

const read = async (download: Promise<Download>) => readFile(await (await download).path(), 'utf8')

/** Presses Enter on what saves a file, and answers the file. */
async function saved(page: Page, name: string): Promise<string> {
  const download = page.waitForEvent('download')
  await enter(page, page.getByRole('button', { name, exact: true }))
  return read(download)
}

test('with the keyboard alone: the own key is saved, and in the end withdrawn', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const { page } = alice
  const { keyboard } = page
  const dialog = (name: string) => page.getByRole('dialog', { name })
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  await enter(page, page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }))
  await expect(button('Save public key')).toBeVisible()
  const certificate = await openpgp.readKey({ armoredKey: await saved(page, 'Save public key') })
  await expect(button('Save public key')).toBeFocused()
  const fingerprint = certificate.getFingerprint().toUpperCase().match(/.{4}/g)!.join(' ')
  await expect(page.getByRole('region', { name: 'Your key' }).getByText(fingerprint)).toBeVisible()
  expect(certificate.isPrivate()).toBe(false)

  await opensByKeyboard(page, button('Save secret key…'), dialog('Save your secret key'), button('Save the file'))
  await inspect(page, 'saving the secret key')
  const passphrase = 'harbour velvet sunday acorn kettle'
  await tabTo(page, page.getByLabel('Passphrase of the file', { exact: true }))
  await keyboard.type(passphrase)
  await tabTo(page, page.getByLabel('The same again', { exact: true }))
  await keyboard.type(passphrase)
  const download = page.waitForEvent('download')
  await keyboard.press('Enter')
  const secret = await openpgp.readPrivateKey({ armoredKey: await read(download) })
  await expect(dialog('Save your secret key')).toBeHidden()
  await expect(button('Save secret key…')).toBeFocused()
  expect(secret.getFingerprint()).toBe(certificate.getFingerprint())
  await expect(openpgp.decryptKey({ privateKey: secret, passphrase: 'harbour velvet' })).rejects.toThrow(/passphrase/)
  expect((await openpgp.decryptKey({ privateKey: secret, passphrase })).isDecrypted()).toBe(true)

  await opensByKeyboard(page, button('My key is in other hands…'), dialog('Withdraw your key for good?'), page.getByRole('checkbox'))
  await expect(button('Withdraw my key')).toBeDisabled()
  await tabTo(page, page.getByLabel('I understand that this is final'))
  await keyboard.press('Space')
  await inspect(page, 'withdrawing the key')
  await enter(page, button('Withdraw my key'))
  await expect(page.getByRole('region', { name: 'Your key' }).getByText('You have withdrawn your key.')).toBeVisible()
  await expect(button('My key is in other hands…')).toBeHidden()
  await inspect(page, 'settings with a withdrawn key')
  const withdrawn = await openpgp.readKey({ armoredKey: await saved(page, 'Save public key') })
  expect([await certificate.isRevoked(), await withdrawn.isRevoked()]).toEqual([false, true])

  const his = new MailPage(bob.page)
  await his.open()
  await his.write({ to: [alice.address], subject: 'Too late', text: 'Hello?' })
  await expect(bob.page.getByText('alice@localhost can’t get it: the owner has withdrawn the key.')).toBeVisible()
  await his.button('Send').click()
  await expect(bob.page.getByText('It was not sent')).toBeVisible()
})
