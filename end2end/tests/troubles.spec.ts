import * as openpgp from 'openpgp'
import { inspect } from '../fixtures/accessibility.ts'
import { NETWORK_LOST, refused } from '../fixtures/faults.ts'
import { enter, opensByKeyboard, tabTo } from '../fixtures/keyboard.ts'
import { PeoplePage } from '../fixtures/people_page.ts'
import { introduce, type Person } from '../fixtures/person.ts'
import { hasPython, type Relay } from '../fixtures/relay.ts'
import { expect, test } from '../fixtures/test.ts'

const DAY = 24 * 60 * 60 * 1000
/** The last row of the only group that a relay has. */
const LAST = 'sequence = (SELECT max(sequence) FROM group_log)'

/** While somebody's browser shows something else, this happens. Then the same page is open again. */
async function whileAway({ page }: Person, happens: () => Promise<unknown>) {
  const url = page.url()
  await page.goto('about:blank')
  await happens()
  await page.goto(url)
}

/** What was sent last is forty days old for the relay, which deletes it. */
async function age(relay: Relay, messages: number) {
  relay.tamper(`UPDATE group_log SET day = day - 40 WHERE sequence > (SELECT max(sequence) FROM group_log) - ${messages}`)
  await relay.crash()
}

test('messages that are damaged or withheld are lines that everybody can read', async ({ person, relay }) => {
  if (!hasPython()) return
  const [alice, bob] = [await person('alice'), await person('bob')]
  alice.faults.allow(NETWORK_LOST)
  await introduce(alice, bob)
  const send = async (text: string) => {
    await alice.chat.send(text)
    await expect(alice.chat.own(text, 'Sent')).toBeVisible()
  }
  await whileAway(bob, async () => {
    await send('damaged on its way')
    relay.tamper(`UPDATE group_log SET ciphertext = damaged(ciphertext) WHERE ${LAST}`)
    await send('after the damage')
  })
  await expect(bob.chat.line('A message here could not be opened')).toBeVisible()
  await expect(bob.chat.line('The sender saw other messages than you did')).toBeVisible()
  await whileAway(bob, async () => {
    await send('withheld')
    await send('withheld as well')
    await age(relay, 2)
  })
  await expect(bob.chat.line('2 messages were missed here. The relay says they were old')).toBeVisible()
  await inspect(bob.page, 'messages that are damaged or withheld')
})

/** From its next start on, the engine of a browser without a service worker believes that so much time has passed. */
async function skipTime({ context }: Person, milliseconds: number) {
  await context.route('**/haven-worker_loader.js', async route => {
    const response = await route.fetch()
    const later = `const now = Date.now; Date.now = () => now() + ${milliseconds};`
    await route.fulfill({ response, body: later + (await response.text()) })
  })
}

test('messages that grew too old while a device was away are a line that everybody can read', async ({ person, relay }) => {
  if (!hasPython()) return
  const [alice, bob] = [await person('alice'), await person('bob', { serviceWorkers: 'block' })]
  alice.faults.allow(NETWORK_LOST)
  await introduce(alice, bob)
  await skipTime(bob, 40 * DAY)
  await whileAway(bob, async () => {
    await alice.chat.send('too old')
    await expect(alice.chat.own('too old', 'Sent')).toBeVisible()
    await age(relay, 1)
  })
  await expect(bob.chat.line('A message was missed while this device was away')).toBeVisible()
  await inspect(bob.page, 'a message that was missed')
})

test('a conversation that has stopped says why, and leads to a new one by keyboard', async ({ person, relay }) => {
  if (!hasPython()) return
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await whileAway(bob, async () => {
    await alice.chat.rename('Nobody can read this')
    await expect(alice.chat.line('You named the conversation “Nobody can read this”')).toBeVisible()
    relay.tamper(`UPDATE group_log SET ciphertext = damaged(ciphertext) WHERE ${LAST}`)
  })
  const { page, chat } = bob
  await expect(page.getByText('This conversation has stopped')).toBeVisible()
  await expect(chat.composer).toBeHidden()
  await expect(chat.row('alice').getByText('Stopped')).toBeVisible()
  await inspect(page, 'a conversation that has stopped')
  const dialog = chat.dialog('New conversation')
  await opensByKeyboard(page, chat.button('Start a new one'), dialog, dialog.getByRole('button', { name: 'Start conversation' }))
  await inspect(page, 'a new conversation with the same people')
  await enter(page, dialog.getByRole('button', { name: 'Start conversation' }))
  await expect(chat.line('You started the conversation with alice')).toBeVisible()
})

test('somebody with another identity is looked at and accepted by keyboard', async ({ person, relay }) => {
  if (!hasPython()) return
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await bob.page.goto('about:blank')
  // He lost everything, and whoever runs the relay gives him his address again.
  relay.tamper(`DELETE FROM account WHERE local_part = 'bob'`)
  const other = await person('bob')

  const { page, chat } = alice
  await chat.start(['bob'])
  await expect(page.getByText('This conversation could not be started')).toBeVisible()
  const failed = page.url()
  await inspect(page, 'a conversation with another identity')
  const change = page.getByRole('dialog', { name: 'This is not the identity you knew' })
  const checked = change.getByLabel('I have checked that this fingerprint is theirs')
  await opensByKeyboard(page, chat.button('Look at the change'), change, checked)
  await expect(change.getByRole('button', { name: 'Accept the new identity' })).toBeDisabled()
  await inspect(page, 'another identity')
  await page.keyboard.press('Escape')

  await other.chat.start(['alice'])
  await chat.requests.getByRole('link').click()
  await enter(page, chat.button('Accept'))
  await expect(page.getByText('bob@localhost shows up with another identity than before.')).toBeVisible()
  await inspect(page, 'a request with another identity')

  await page.goto(failed)
  await enter(page, chat.button('Look at the change'))
  await tabTo(page, checked)
  await page.keyboard.press('Space')
  await enter(page, change.getByRole('button', { name: 'Accept the new identity' }))
  await expect(page.getByText('Accepted. From now on, this is their identity.')).toBeVisible()
  await enter(page, chat.button('Try again'))
  await expect(chat.line('You started the conversation with bob')).toBeVisible()
  const people = new PeoplePage(page)
  await people.open()
  await people.row('Former').click()
  await expect(people.badge('Former')).toBeVisible()
  await inspect(page, 'an identity that was given up')
})

test('requests are declined and blocked by keyboard, and what is left of them can be read', async ({ person, relay }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')]
  const { page, chat } = alice
  await bob.chat.start(['alice'])
  await chat.open('bob')
  const declined = page.url()
  await enter(page, chat.button('Decline'))
  await expect(page.getByText('Declined. Nothing of it stays on this device.')).toBeVisible()
  await inspect(page, 'a request that was declined')
  await page.goto(declined)
  await expect(page.getByText('This conversation is not here')).toBeVisible()
  await inspect(page, 'a conversation that is not here')
  await enter(page, page.getByRole('link', { name: 'To all chats' }))
  await expect(chat.list).toBeVisible()

  await carol.chat.start(['alice'])
  await chat.open('carol')
  await enter(page, chat.button('Block'))
  await expect(page.getByText('Blocked. You can undo that on their page under People.')).toBeVisible()
  const people = new PeoplePage(page)
  await people.open()
  await people.openPerson('carol')
  await inspect(page, 'a person who is blocked')
  await enter(page, chat.button('Unblock'))
  await expect(page.getByText('Unblocked.')).toBeVisible()
})

test('with the keyboard alone: an account is recovered', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  const other = await visitor('alice')
  other.faults.allow(refused(401))
  const { page, welcome, chat } = other
  const { keyboard } = page
  await welcome.open(relay.origin)
  await enter(page, welcome.button('I have an account'))
  await enter(page, welcome.button('I forgot my password'))
  await tabTo(page, welcome.address)
  await keyboard.type('alice')
  await tabTo(page, welcome.phrase)
  await keyboard.type(alice.words.toReversed().join(' '))
  await enter(page, welcome.button('Suggest one'))
  await expect(welcome.newPassword).not.toHaveValue('')
  await enter(page, welcome.button('Sign in'))
  await expect(welcome.trouble).toContainText('These are not the right words')
  await inspect(page, 'a recovery phrase that was refused')
  await tabTo(page, welcome.phrase)
  await keyboard.press('ControlOrMeta+a')
  await keyboard.type(alice.words.join(' '))
  await keyboard.press('Enter')
  await expect(chat.list).toBeVisible()
})

test('with the keyboard alone: the recovery phrase is looked at and confirmed in the settings', async ({ person }) => {
  const { page, welcome, words } = await person('alice')
  await enter(page, page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }))
  const dialog = page.getByRole('dialog', { name: 'Your recovery phrase' })
  await opensByKeyboard(page, welcome.button('Show and confirm'), dialog, welcome.button('I have written them down'))
  await expect(welcome.words).toHaveText(words)
  await inspect(page, 'the recovery phrase in the settings')
  await enter(page, welcome.button('I have written them down'))
  const labels = page.getByText(/^Word \d+$/)
  await expect(labels).toHaveCount(3)
  const type = async (word: (number: number) => string) => {
    for (const label of await labels.allInnerTexts()) {
      await tabTo(page, page.getByLabel(label, { exact: true }))
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type(word(Number(label.slice(5))))
    }
    await page.keyboard.press('Enter')
  }
  await type(() => 'wrong')
  await expect(welcome.trouble).toContainText('These are not the right words')
  await inspect(page, 'words of the recovery phrase that were refused')
  await type(number => words[number - 1])
  await expect(page.getByText('Confirmed. If you forget your password')).toBeVisible()
})

test('a key that was there before is refused or asked for its passphrase, and everybody can read why', async ({ visitor, relay }) => {
  const { page, welcome } = await visitor('alice')
  await welcome.open(relay.origin)
  await enter(page, welcome.button('I already have an OpenPGP key'))
  await tabTo(page, welcome.button('Choose a file'))
  await inspect(page, 'choosing a key')
  const choose = (content: string) =>
    page.locator('input[type=file]').setInputFiles({ name: 'key.asc', mimeType: 'application/pgp-keys', buffer: Buffer.from(content) })
  await choose('hello')
  await expect(page.getByText('This file holds no OpenPGP key, or a damaged one.')).toBeVisible()
  await inspect(page, 'a file without a key')
  const userIDs = [{ email: 'alice@localhost' }]
  const { privateKey } = await openpgp.generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs, passphrase: 'harbour velvet' })
  await choose(privateKey)
  await tabTo(page, page.getByLabel('Its passphrase', { exact: true }))
  await page.keyboard.type('harbour acorn')
  await enter(page, welcome.button('Use this key'))
  await expect(page.getByText('This is not the passphrase of this key.')).toBeVisible()
  await inspect(page, 'a passphrase that was refused')
  await tabTo(page, page.getByLabel('Its passphrase', { exact: true }))
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('harbour velvet')
  await page.keyboard.press('Enter')
  await expect(page.getByText('This key becomes yours here:')).toBeVisible()
  await inspect(page, 'a key that is brought')
  await enter(page, welcome.button('Make a new key instead'))
  await expect(welcome.button('I already have an OpenPGP key')).toBeVisible()
})
