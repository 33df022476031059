import type { Page } from '@playwright/test'
import { inspect } from '../fixtures/accessibility.ts'
import { refused } from '../fixtures/faults.ts'
import { enter, opensByKeyboard, tabTo } from '../fixtures/keyboard.ts'
import { introduce, Person } from '../fixtures/person.ts'
import { Relay } from '../fixtures/relay.ts'
import { expect, test } from '../fixtures/test.ts'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'

test('an account is made, its recovery phrase is confirmed, and a reload keeps the session', async ({ visitor, relay }) => {
  const alice = await visitor('alice')
  const { welcome, chat, page } = alice
  await welcome.open(relay.origin)
  await expect(page.getByText('@localhost', { exact: true })).toBeVisible()
  const { words } = await welcome.signUp('alice')
  expect(new Set(words).size).toBeGreaterThan(8)
  await welcome.confirmPhrase(words)
  await expect(page.getByText('Your recovery phrase is confirmed.')).toBeVisible()
  await expect(chat.list).toBeVisible()

  await page.reload()
  await expect(chat.list).toBeVisible()
  await page.getByRole('link', { name: 'Settings' }).click()
  await expect(page.getByText('alice@localhost')).toBeVisible()
  await expect(page.getByText('Confirmed. If you forget your password')).toBeVisible()
})

test('the recovery phrase can be confirmed later, and wrong words are refused', async ({ person }) => {
  const alice = await person('alice')
  const { page, welcome } = alice
  await page.getByRole('link', { name: 'Settings' }).click()
  await welcome.button('Show and confirm').click()
  await expect(welcome.words).toHaveText(alice.words)
  await welcome.confirmPhrase([...alice.words].reverse().map(word => `${word}x`))
  await expect(welcome.trouble).toContainText('These are not the right words')
  await welcome.button('Show the words again').click()
  await welcome.confirmPhrase(alice.words)
  await expect(page.getByText('Confirmed. If you forget your password')).toBeVisible()
})

test('a taken address, a bad name and a weak password are refused with a reason', async ({ person, visitor, relay }) => {
  await person('alice')
  const mallory = await visitor('mallory')
  const { welcome, page } = mallory
  await welcome.open(relay.origin)
  await welcome.name.fill('Mallory!')
  await expect(page.getByText('Use lower-case letters and digits; single . - _ may stand between them.')).toBeVisible()

  await welcome.name.fill('alice')
  await welcome.password.fill('password1')
  await expect(page.getByRole('status').filter({ hasText: 'Too easy to guess' })).toBeVisible()
  await welcome.button('Create an account').click()
  await expect(welcome.password).toHaveAttribute('aria-invalid', 'true')

  await welcome.suggest()
  mallory.faults.allow(refused(409))
  await welcome.button('Create an account').click()
  await expect(page.getByText('Somebody has this name already. Choose another one.')).toBeVisible()
  await welcome.name.fill('mallory')
  await welcome.button('Create an account').click()
  await expect(welcome.words).toHaveCount(12)
})

test('another browser signs in with the password, and not with a wrong one', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  const other = await visitor('alice', { userAgent: FIREFOX })
  other.faults.allow(refused(401))
  await other.welcome.open(relay.origin)
  await other.welcome.signIn('alice', 'certainly not the password')
  await expect(other.welcome.trouble).toContainText("Address and password don't belong together")
  await other.welcome.password.fill(alice.password)
  await other.welcome.button('Sign in').click()
  await expect(other.chat.list).toBeVisible()

  // Each says what the other is, also the one that was there before the other came.
  for (const { page } of [other, alice]) {
    await page.getByRole('link', { name: 'Settings' }).click()
    const devices = page.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
    await expect(devices).toHaveCount(2)
    const [chrome, firefox] = [devices.filter({ hasText: /Chrome on \w+/ }), devices.filter({ hasText: 'Firefox on Windows' })]
    await expect(page === alice.page ? chrome : firefox).toContainText('This device')
    await expect(page === alice.page ? firefox : chrome).not.toContainText('This device')
  }
})

test('a lost browser is removed by another one, and one that signs out is off the list', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  await alice.page.getByRole('link', { name: 'Settings' }).click()
  const devices = alice.page.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
  const signedIn = async () => {
    const other = await visitor('alice', { userAgent: FIREFOX })
    other.faults.allow(refused(401))
    await other.welcome.open(relay.origin)
    await other.welcome.signIn('alice', alice.password)
    await expect(other.chat.list).toBeVisible()
    await alice.page.reload()
    await expect(devices).toHaveCount(2)
    return other.page
  }
  const lost = await signedIn()
  await alice.page.getByRole('button', { name: 'Remove Firefox on Windows' }).click()
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(devices).toHaveCount(1)
  await expect(lost.getByText('This device was signed out of your account')).toBeVisible()

  const leaving = await signedIn()
  await leaving.getByRole('link', { name: 'Settings' }).click()
  await leaving.getByRole('button', { name: 'Sign out', exact: true }).click()
  await leaving.getByRole('button', { name: 'Sign out and delete' }).click()
  await expect(leaving.getByRole('heading', { name: 'Welcome to Haven' })).toBeVisible()
  await expect(leaving.getByText('still in the list of your devices')).toHaveCount(0)
  await expect(async () => {
    await alice.page.reload()
    await expect(devices).toHaveCount(1)
  }).toPass()
})

test('with the keyboard alone: a lost browser is removed, and signs in again', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  const other = await visitor('alice', { userAgent: FIREFOX })
  other.faults.allow(refused(401))
  await other.welcome.open(relay.origin)
  await other.welcome.signIn('alice', alice.password)
  await introduce(other, await person('bob'))

  const { page } = alice
  await enter(page, page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }))
  const devices = page.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
  await expect(devices).toHaveCount(2)
  const question = page.getByRole('dialog', { name: 'Remove Firefox on Windows?' })
  const remove = question.getByRole('button', { name: 'Remove', exact: true })
  await opensByKeyboard(page, page.getByRole('button', { name: 'Remove Firefox on Windows' }), question, remove)
  await inspect(page, 'the question before a device is removed')
  await enter(page, remove)
  await expect(question).toBeHidden()
  await expect(devices).toHaveCount(1)
  // What opened the question is gone.
  await expect(page.getByRole('main')).toBeFocused()

  await expect(other.page.getByText('This device was signed out of your account')).toBeVisible()
  await expect(other.chat.row('bob')).toBeVisible()
  await inspect(other.page, 'a browser that was removed')
  const again = other.page.getByRole('dialog', { name: 'Sign in again' })
  const signIn = again.getByRole('button', { name: 'Sign in', exact: true })
  await opensByKeyboard(other.page, other.chat.button('Sign in again'), again, signIn)
  await expect(again).toContainText('The chats that are here are deleted')
  await tabTo(other.page, again.getByLabel('Password', { exact: true }))
  await other.page.keyboard.type('certainly not the password')
  await other.page.keyboard.press('Enter')
  await expect(again.getByText('belong together')).toBeVisible()
  await inspect(other.page, 'signing in again refused')
  await again.getByLabel('Password', { exact: true }).press('ControlOrMeta+a')
  await other.page.keyboard.type(alice.password)
  await other.page.keyboard.press('Enter')
  await expect(again).toBeHidden()
  await expect(other.page.getByText('This device was signed out of your account')).toBeHidden()
  await expect(other.chat.row('bob')).toBeHidden()
})

test('who has lost twenty browsers chooses which ones make room for a new one', async ({ person, visitor, relay }) => {
  const { welcome, chat, page, password, words } = await person('alice')
  // What was in the browser is gone, as when its data was cleared.
  const lose = async () => {
    await page.goto('about:blank')
    const client = await page.context().newCDPSession(page)
    await client.send('Storage.clearDataForOrigin', { origin: relay.origin, storageTypes: 'all' })
    await client.detach()
    await welcome.open(relay.origin)
  }
  for (let lost = 1; lost < 20; lost++) {
    await lose()
    await welcome.signIn('alice', password)
    await expect(chat.list).toBeVisible()
  }
  await lose()
  await welcome.signIn('alice', password)
  const question = page.getByRole('group', { name: 'Your account has 20 devices' })
  const choices = question.getByRole('checkbox', { name: /Chrome on \w+/ })
  await expect(choices).toHaveCount(20)
  await expect(question).toBeFocused()
  await expect(welcome.button('Remove and sign in')).toBeDisabled()
  await inspect(page, 'choosing which devices make room')

  // By the other way in as well; going back keeps what was typed.
  await welcome.button('Cancel').click()
  await expect(welcome.address).toHaveValue('alice')
  await welcome.button('I forgot my password').click()
  const newPassword = await welcome.suggest(welcome.newPassword)
  await welcome.recover('alice', words, newPassword)
  await expect(choices).toHaveCount(20)
  for (const lost of [0, 1, 2]) await choices.nth(lost).press(' ')
  await choices.nth(1).uncheck()
  await enter(page, welcome.button('Remove and sign in'))
  await expect(chat.list).toBeVisible()
  await page.getByRole('link', { name: 'Settings' }).click()
  const devices = page.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
  await expect(devices).toHaveCount(19)
})

test('nobody learns from signing in whether an address exists', async ({ person, visitor, relay }) => {
  await person('alice')
  const mallory = await visitor('mallory')
  mallory.faults.allow(refused(401))
  await mallory.welcome.open(relay.origin)
  await mallory.welcome.signIn('alice', 'certainly not the password')
  const known = await mallory.welcome.trouble.innerText()
  await mallory.page.reload()
  await mallory.welcome.signIn('nobody', 'certainly not the password')
  expect(await mallory.welcome.trouble.innerText()).toBe(known)
})

test('the phrase recovers the account with a new password, and the old one is over', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  const other = await visitor('alice')
  const { welcome, page } = other
  other.faults.allow(refused(401))
  await welcome.open(relay.origin)
  await welcome.button('I have an account').click()
  await welcome.button('I forgot my password').click()
  const fresh = await welcome.suggest(welcome.newPassword)
  await welcome.recover('alice', alice.words.with(0, alice.words[0] === 'zebra' ? 'zoo' : 'zebra'), fresh)
  await expect(welcome.trouble).toContainText('These are not the right words')
  await welcome.recover('alice@localhost', alice.words, fresh)
  await expect(other.chat.list).toBeVisible()

  const third = await visitor('alice')
  third.faults.allow(refused(401))
  await third.welcome.open(relay.origin)
  await third.welcome.signIn('alice', alice.password)
  await expect(third.welcome.trouble).toContainText('belong together')
  await third.welcome.password.fill(fresh)
  await third.welcome.button('Sign in').click()
  await expect(third.chat.list).toBeVisible()
  await expect(page.getByText('alice')).not.toHaveCount(0)
})

test('settings lead to the source that the relay names, or say that it names none', async ({ person, browser }) => {
  const alice = await person('alice')
  await alice.page.getByRole('link', { name: 'Settings' }).click()
  const about = (page: Page) => page.getByRole('region', { name: 'About' })
  await expect(about(alice.page)).toContainText('AGPL-3.0-or-later')
  await expect(about(alice.page)).toContainText('Whoever runs this relay has not said where it is')

  const url = 'https://git.example.org/haven'
  const relay = await Relay.start('--source-url', url)
  try {
    const bob = new Person('bob', relay.origin)
    await bob.use(await browser.newContext())
    await bob.signUp()
    await bob.page.getByRole('link', { name: 'Settings' }).click()
    await expect(about(bob.page).getByRole('link')).toHaveAttribute('href', url)
    bob.faults.check()
    await bob.context.close()
  } finally {
    await relay.stop()
  }
})

test('signing out asks first, and deletes everything in this browser', async ({ person, relay }) => {
  const alice = await person('alice')
  const { page, welcome } = alice
  await page.getByRole('link', { name: 'Settings' }).click()
  await welcome.button('Sign out').click()
  const question = page.getByRole('dialog', { name: 'Sign out and delete everything here?' })
  await expect(question).toContainText('You have not confirmed your recovery phrase')
  await question.getByRole('button', { name: 'Cancel' }).click()
  await expect(question).toBeHidden()
  await expect(page.getByText('alice@localhost')).toBeVisible()

  await welcome.button('Sign out').click()
  await question.getByRole('button', { name: 'Sign out and delete' }).click()
  await expect(welcome.button('Create an account')).toBeVisible()
  // What stays is the number that keeps a tab from writing after this.
  const left = await page.evaluate(recordsLeft)
  expect(left.filter(store => store.count > 0).map(store => store.name)).toEqual(['fence'])
  expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0)

  await page.goto(`${relay.origin}/chat`)
  await expect(welcome.button('Create an account')).toBeVisible()
  await welcome.signIn('alice', alice.password)
  await expect(alice.chat.list).toBeVisible()
})

async function recordsLeft() {
  const done = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const left: { name: string; count: number }[] = []
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name!))
    for (const store of database.objectStoreNames) {
      left.push({ name: store, count: await done(database.transaction(store).objectStore(store).count()) })
    }
    database.close()
  }
  return left
}
