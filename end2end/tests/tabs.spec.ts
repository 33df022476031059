import type { Page } from '@playwright/test'
import { introduce, type Person } from '../fixtures/person.ts'
import { seeded } from '../fixtures/random.ts'
import { expect, test } from '../fixtures/test.ts'

const mine = (person: Person) => [...person.sightings.typed.keys()]

/** Every message that was typed is there once, at both ends. */
async function expectAllOnce(writer: Person, reader: Person, texts = mine(writer)) {
  for (const chat of [reader.chat, writer.chat]) {
    // The last ones may be on their way, and move what is read.
    await expect(async () => {
      const shown = (await chat.timeline()).filter(row => row.from !== 'line').map(row => row.text)
      expect(shown.toSorted()).toEqual(texts.toSorted())
    }).toPass()
  }
}

/**
 * Freezes the engine of a tab as browsers freeze tabs in the background, between two tasks, until it has slept for so
 * long.
 */
async function freeze(page: Page, seconds: number) {
  const engine = page.workers()[0]
  const sleep = (milliseconds: number) => {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    return Atomics.wait(new Int32Array(buffer), 0, 0, milliseconds)
  }
  await engine.evaluate(sleep, seconds * 1_000)
}

test('three hundred messages typed in three tabs arrive once, and in the order of each tab', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const tabs = [alice.chat, await alice.tab(), await alice.tab()]
  for (const tab of tabs) await expect(tab.composer).toBeVisible()
  const type = async (index: number) => {
    for (let count = 1; count <= 100; count++) await tabs[index].send(`tab ${index} message ${count}`)
  }
  await Promise.all([type(0), type(1), type(2)])
  expect(mine(alice)).toHaveLength(300)
  await expectAllOnce(alice, bob)
  const arrived = (await bob.chat.timeline()).map(row => row.text)
  for (const index of tabs.keys()) {
    const own = arrived.filter(text => text.startsWith(`tab ${index} `))
    expect(own).toEqual(Array.from({ length: 100 }, (_, count) => `tab ${index} message ${count + 1}`))
  }
  for (const tab of tabs) {
    const shown = (await tab.timeline()).filter(row => row.from === 'me')
    expect(shown.map(row => row.text)).toEqual(arrived.filter(text => text.startsWith('tab ')))
    expect(new Set(shown.map(row => row.state))).toEqual(new Set(['stored']))
  }
})

test('when the leading tab is closed, another has taken over within a second', { tag: '@alone' }, async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const delays: number[] = []
  for (let round = 1; round <= 5; round++) {
    // The tab that was first leads.
    const next = await alice.tab()
    await next.composer.fill(`after closing ${round}`)
    const leading = alice.page
    alice.turnTo(next.page)
    const closed = Date.now()
    await Promise.all([leading.close(), next.composer.press('Enter')])
    await expect(next.own(`after closing ${round}`, 'Sent')).toBeVisible()
    delays.push(Math.round(alice.sightings.stored.get(`after closing ${round}`)! - closed))
  }
  console.log(`  from closing the leading tab to a message stored by another: ${delays.join(', ')} ms`)
  expect(Math.max(...delays)).toBeLessThan(1_000)
  await expectAllOnce(alice, bob)
})

/** The number of the tab that leads: the one that may write. */
function leader(page: Page): Promise<number> {
  const read = () =>
    new Promise<number>((resolve, reject) => {
      const opening = indexedDB.open('haven')
      opening.onerror = reject
      opening.onsuccess = () => {
        const reading = opening.result.transaction('fence').objectStore('fence').get('writer')
        reading.onsuccess = () => (opening.result.close(), resolve(reading.result.leader))
      }
    })
  return page.evaluate(read)
}

test('a leading tab that was frozen for a minute writes nothing after it wakes', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const other = await alice.tab()
  await alice.chat.send('before the frost')
  await expect(bob.chat.message('before the frost')).toBeVisible()

  // The first is longer than any time after which a browser takes a lock or a transaction away.
  for (const [round, seconds] of [62, 8, 8].entries()) {
    const [frozen, awake] = round % 2 ? [other, alice.chat] : [alice.chat, other]
    // Its requests are under way when it freezes.
    await frozen.composer.fill(`as it freezes ${round}`)
    await frozen.composer.press('Enter')
    const frost = freeze(frozen.page, seconds)
    const text = `during the frost ${round}`
    await awake.send(text)
    await expect(awake.own(text, 'Sent')).toBeVisible()
    const took = alice.sightings.stored.get(text)! - alice.sightings.typed.get(text)!
    console.log(`  with the leader frozen, a message of another tab was stored after ${Math.round(took)} ms`)
    await bob.chat.send(`bob ${round}`)
    await expect(awake.message(`bob ${round}`)).toBeVisible()
    const leads = await leader(awake.page)
    await frost
    await frozen.send(`after the frost ${round}`)
    await expect(frozen.own(`after the frost ${round}`, 'Sent')).toBeVisible()
    await expect(frozen.message(text)).toBeVisible()
    expect(await leader(awake.page)).toBe(leads)
  }
  const all = [...mine(alice), ...mine(bob)]
  await expectAllOnce(alice, bob, all)
})

test('reloads at any moment while sending lose and double nothing that was shown', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const random = seeded('reload')
  for (let round = 1; round <= 12; round++) {
    for (let count = 1; count <= 4; count++) await alice.chat.send(`round ${round} message ${count}`)
    await random.pause(150)
    await alice.page.reload()
    await expect(alice.chat.composer).toBeVisible()
  }
  await alice.chat.send('the last one')
  await expect(alice.chat.own('the last one', 'Sent')).toBeVisible()
  const shown = [...alice.sightings.seen.keys()]
  const there = (await alice.chat.timeline()).filter(row => row.from === 'me').map(row => row.text)
  expect(shown.filter(text => !there.includes(text))).toEqual([])
  // What the reload took before it was shown may be gone, but nothing is there twice, here or there.
  await expectAllOnce(alice, bob, there)
  expect(new Set(there).size).toBe(there.length)
  console.log(`  ${there.length} of ${mine(alice).length} typed messages were shown before a reload took them`)
})
