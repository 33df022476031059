import { introduce, type Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name} ${index + 1}`)

test('two people meet by address, and fifty messages each way arrive within a second', { tag: '@alone' }, async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await alice.chat.start(['bob'])
  await expect(bob.chat.requests.getByRole('listitem')).toHaveCount(1)
  await bob.chat.open('alice')
  await expect(bob.page.getByText('alice wants to talk with you')).toBeVisible()
  await bob.chat.button('Accept').click()
  await expect(bob.chat.requests).toBeHidden()
  await expect(alice.chat.line('You started the conversation with bob')).toBeVisible()

  const log: [number, string][] = []
  for (const who of [alice, bob]) {
    who.context.on('request', r => log.push([Date.now(), who.name + ' > ' + new URL(r.url()).pathname]))
    who.context.on('response', r => log.push([Date.now(), who.name + ' < ' + r.status() + ' ' + new URL(r.url()).pathname]))
  }
  const [fromAlice, fromBob] = [numbered('a', 50), numbered('b', 50)]
  for (const [index, text] of fromAlice.entries()) {
    await alice.chat.send(text)
    await bob.chat.send(fromBob[index])
  }
  await expect(alice.chat.message('b 50')).toBeVisible()
  await expect(bob.chat.message('a 50')).toBeVisible()
  await expect.poll(() => alice.sightings.stored.size + bob.sightings.stored.size).toBe(100)
  for (const [w,o] of [[alice,bob],[bob,alice]]) console.log([...w.sightings.typed].map(([t,at]) => [t, Math.round(o.sightings.seen.get(t)!-at), Math.round(w.sightings.stored.get(t)!-at)]).sort((a:any,b:any)=>b[1]-a[1]).slice(0,3).map(String).join(' | '))
  const slow = [alice, bob].some((w, i) => w.sightings.delays([bob, alice][i].sightings).some(d => d > 250))
  if (slow) {
    for (const w of [alice, bob]) {
      for (const [t, at] of w.sightings.typed) log.push([at, `${w.name} typed ${t}`])
      for (const [t, at] of w.sightings.stored) log.push([at, `${w.name} stored ${t}`])
      for (const [t, at] of w.sightings.seen) log.push([at, `${w.name} saw ${t}`])
    }
    const first = alice.sightings.typed.get('a 1')!
    for (const [at, what] of log.sort((a, b) => a[0] - b[0])) if (at < first + 1500) console.log('T', Math.round(at - first), what)
  }
  report('a message', [...alice.sightings.delays(bob.sightings), ...bob.sightings.delays(alice.sightings)])

  for (const { chat, page } of [alice, bob]) {
    // What comes in before one's eyes is read.
    await expect(chat.list.getByText(/unread/)).toHaveCount(0)
    await expect(page).not.toHaveTitle(/^\(/)
    const rows = await chat.timeline()
    const texts = rows.filter(row => row.from !== 'line').map(row => row.text)
    expect(texts.filter(text => text.startsWith('a'))).toEqual(fromAlice)
    expect(texts.filter(text => text.startsWith('b'))).toEqual(fromBob)
  }
})

/** Prints delays, and holds the promise of a second. */
function report(what: string, delays: number[]) {
  const sorted = delays.toSorted((a, b) => a - b)
  const [median, worst] = [sorted[sorted.length >> 1], sorted.at(-1)!].map(Math.round)
  console.log(`  from Enter to the other's screen, ${what}: median ${median} ms, worst ${worst} ms of ${sorted.length}`)
  expect(worst).toBeLessThan(1_000)
}

