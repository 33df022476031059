import { NETWORK_LOST } from '../fixtures/faults.ts'
import { introduce } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('what happened while one was offline is shown in order, and what they wrote is sent', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')]
  await introduce(alice, bob)
  bob.faults.allow(NETWORK_LOST)
  await bob.context.setOffline(true)
  await expect(bob.page.getByText('You are offline.')).toBeVisible()

  const before = Array.from({ length: 100 }, (_, index) => `before ${index}`)
  const after = Array.from({ length: 100 }, (_, index) => `after ${index}`)
  for (const text of before) await alice.chat.send(text)
  await alice.chat.add('carol')
  await expect(alice.chat.line(/^You added carol/)).toBeVisible()
  for (const text of after) await alice.chat.send(text)
  await expect(alice.chat.own('after 99', 'Sent')).toBeVisible()
  await carol.chat.accept('alice, bob')

  const own = ['typed offline', 'and more', 'and the last']
  for (const text of own) {
    await bob.chat.send(text)
    await expect(bob.chat.own(text, 'Waiting to be sent')).toBeVisible()
  }
  expect(bob.sightings.seen.has('before 0')).toBe(false)

  await bob.context.setOffline(false)
  const back = Date.now()
  await expect(bob.chat.own('and the last', 'Sent')).toBeVisible()
  console.log(`  back online: 201 rows caught up and three messages sent after ${Date.now() - back} ms`)
  const rows = await bob.chat.timeline()
  const others = rows.filter(row => row.from === 'other' || /added carol/.test(row.text)).map(row => row.text)
  expect(others.map(text => text.replace(/ \(.*\)$/, ''))).toEqual([...before, 'alice added carol', ...after])
  expect(rows.filter(row => row.from === 'me')).toEqual(own.map(text => ({ from: 'me', text, state: 'stored' })))
  // Carol stays where the new messages began, and is told of those below.
  await expect(carol.chat.button('Jump to the newest message')).toBeVisible()
  for (const { chat, sightings } of [alice, carol]) {
    if (chat === carol.chat) await chat.button('Jump to the newest message').click()
    await expect.poll(() => sightings.seen.has('and the last')).toBe(true)
    const texts = (await chat.timeline()).map(row => row.text)
    expect(texts.filter(text => own.includes(text))).toEqual(own)
  }
})

test('Haven opens without a network, shows what is there, and sends later', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await alice.chat.send('to be read offline')
  await expect(bob.chat.message('to be read offline')).toBeVisible()
  await bob.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  bob.faults.allow(NETWORK_LOST)
  await bob.context.setOffline(true)
  await bob.page.reload()
  await expect(bob.chat.message('to be read offline')).toBeVisible()
  await bob.chat.send('written offline')
  await expect(bob.chat.own('written offline', 'Waiting to be sent')).toBeVisible()
  await bob.page.reload()
  await expect(bob.chat.own('written offline', 'Waiting to be sent')).toBeVisible()
  await bob.context.setOffline(false)
  await expect(alice.chat.message('written offline')).toBeVisible()
  await expect(bob.chat.own('written offline', 'Sent')).toBeVisible()
  const texts = (await alice.chat.timeline()).map(row => row.text)
  expect(texts.filter(text => text === 'written offline')).toHaveLength(1)
})

test('a conversation begun offline starts when the network is back', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  alice.faults.allow(NETWORK_LOST)
  await alice.context.setOffline(true)
  await alice.chat.start(['bob'])
  await alice.chat.send('hello from the train')
  await expect(alice.chat.own('hello from the train', 'Waiting to be sent')).toBeVisible()
  await alice.context.setOffline(false)
  await bob.chat.accept('alice')
  await expect(bob.chat.message('hello from the train')).toBeVisible()
  await expect(alice.chat.own('hello from the train', 'Sent')).toBeVisible()
})
