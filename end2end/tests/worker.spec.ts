import type { Page } from '@playwright/test'
import { introduce, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

const engine = (page: Page) => page.workers()[0]

/** Ends the engine of a tab as a fault in it would: nothing catches this. */
const kill = (page: Page) =>
  engine(page).evaluate(() => {
    setTimeout(() => {
      throw new Error('died for a test')
    })
  })

/** Waits until another engine has been started. */
async function replaced(page: Page, action: () => Promise<unknown>) {
  const before = engine(page)
  await action()
  await expect.poll(() => page.workers().length === 1 && engine(page) !== before).toBe(true)
}

const words = (person: Person) => person.page.getByText(/interrupted|has to start again|could not start/)

test('a worker that panics is replaced, and what can not be repeated by itself is said', async ({ person, visitor, relay }) => {
  const alice = await person('alice')
  const other = await visitor('alice')
  other.faults.allow(/panicked|unreachable|Unreachable/)
  await other.welcome.open(relay.origin)
  await replaced(other.page, async () => {
    // OPAQUE panics without randomness.
    await engine(other.page).evaluate(() => {
      crypto.getRandomValues = () => {
        throw new Error('no randomness')
      }
    })
    await other.welcome.signIn('alice', alice.password)
  })
  await expect(other.welcome.trouble).toContainText('Haven was interrupted before this was done')
  await other.welcome.button('Sign in').click()
  await expect(other.chat.list).toBeVisible()
})

test('workers that die while messages are on their way are replaced without a word, and all arrive once', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  alice.faults.allow(/died for a test/)
  await introduce(alice, bob)
  const tabs = [alice.chat, await alice.tab()]
  for (const tab of tabs) await expect(tab.composer).toBeVisible()
  const typed: string[] = []
  const type = async (index: number, from: number) => {
    for (let count = from; count < from + 15; count++) {
      typed.push(`tab ${index} message ${count}`)
      await tabs[index].send(`tab ${index} message ${count}`)
    }
  }
  // The first tab leads, then the second one.
  for (const [round, leading] of tabs.entries()) {
    const typing = Promise.all(tabs.map((_, index) => type(index, round * 15)))
    await expect.poll(() => alice.sightings.stored.size).toBeGreaterThan(round * 30 + 5)
    await replaced(leading.page, () => kill(leading.page))
    await typing
    for (const tab of tabs) await expect(tab.own(typed.at(-1)!, 'Sent')).toBeVisible()
  }
  let arrived: string[] = []
  // The last ones may be on their way, and move what is read.
  await expect(async () => {
    arrived = (await bob.chat.timeline()).filter(row => row.from === 'other').map(row => row.text)
    expect(arrived).toHaveLength(typed.length)
  }).toPass()
  for (const index of tabs.keys()) {
    const own = (texts: string[]) => texts.filter(text => text.startsWith(`tab ${index} `))
    expect(own(arrived)).toEqual(own(typed))
  }
  for (const tab of tabs) {
    expect((await tab.timeline()).filter(row => row.from === 'me').map(row => row.text)).toEqual(arrived)
    await expect(tab.composer).toHaveValue('')
  }
  await expect(words(alice)).toHaveCount(0)
})

test('a worker that dies again and again is given up, and a reload helps', async ({ person }) => {
  const alice = await person('alice')
  alice.faults.allow(/died for a test/)
  await replaced(alice.page, () => kill(alice.page))
  // The new one answers.
  await alice.page.getByRole('link', { name: 'Settings' }).click()
  await expect(alice.page.getByRole('list', { name: 'Your devices' }).getByRole('listitem')).toHaveCount(1)
  await alice.page.getByRole('link', { name: 'Chats' }).click()
  // The page goes while the focus is in a field of it.
  await alice.chat.list.getByRole('button', { name: 'New conversation' }).first().click()
  await expect(alice.chat.dialog('New conversation').getByLabel('Addresses')).toBeFocused()
  await kill(alice.page)
  await expect(alice.page.getByText('Haven has to start again')).toBeVisible()
  await alice.chat.button('Reload').click()
  await expect(alice.chat.list).toBeVisible()
})
