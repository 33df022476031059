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

  const [fromAlice, fromBob] = [numbered('a', 50), numbered('b', 50)]
  for (const [index, text] of fromAlice.entries()) {
    await alice.chat.send(text)
    await bob.chat.send(fromBob[index])
  }
  await expect(alice.chat.message('b 50')).toBeVisible()
  await expect(bob.chat.message('a 50')).toBeVisible()
  await expect.poll(() => alice.sightings.stored.size + bob.sightings.stored.size).toBe(100)
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

test('a new conversation is there before the page goes to it', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const tab = await alice.tab()
  // The second tab's page hears by way of the first one.
  for (const chat of [alice.chat, tab]) {
    await chat.page.evaluate(() => {
      const look = () => {
        if (document.body.innerText.includes('This conversation is not here')) document.body.dataset.missed = ''
      }
      new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true })
    })
    for (const title of ['One', 'Two']) await chat.start([bob.address], `${title} of ${alice.chat === chat}`)
    await expect(chat.page.locator('body[data-missed]')).toHaveCount(0)
  }
})

test('what was not seen is counted, also in the title of the browser', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await bob.page.getByRole('link', { name: /^Chats/ }).click()
  for (const text of ['one', 'two', 'three']) await alice.chat.send(text)
  await expect(bob.chat.unread('alice', 3)).toBeVisible()
  await expect(bob.page).toHaveTitle(/^\(3\) /)
  await expect(bob.chat.row('alice')).toContainText('three')
  await bob.chat.open('alice')
  await expect(bob.chat.message('three')).toBeVisible()
  await expect(bob.chat.row('alice').getByText(/unread/)).toHaveCount(0)
  await expect(bob.page).not.toHaveTitle(/^\(/)
  await bob.page.reload()
  await expect(bob.chat.message('three')).toBeVisible()
  await expect(bob.page).not.toHaveTitle(/^\(/)
})

test('a message that was begun is there after a reload and in another tab, until it is sent', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await alice.chat.composer.fill('see you at')
  const tab = await alice.tab()
  await expect(async () => {
    await tab.page.reload()
    await expect(tab.composer).toHaveValue('see you at', { timeout: 10_000 })
  }).toPass()
  await alice.page.reload()
  await expect(alice.chat.composer).toHaveValue('see you at')
  await alice.chat.composer.press('End')
  await alice.chat.composer.pressSequentially(' eight')
  await alice.chat.composer.press('Enter')
  await expect(bob.chat.message('see you at eight')).toBeVisible()
  for (const chat of [alice.chat, tab]) {
    await chat.page.reload()
    await expect(chat.message('see you at eight')).toBeVisible()
    await expect(chat.composer).toHaveValue('')
  }
})

test('text is chosen in a dialog beyond its edge, and what is typed in it stays', async ({ person }) => {
  const { chat, page } = await person('alice')
  await chat.list.getByRole('button', { name: 'New conversation' }).first().click()
  const dialog = chat.dialog('New conversation')
  const title = dialog.getByLabel('Title (optional)')
  await title.fill('The boat')
  const box = (await title.boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(5, 5)
  await page.mouse.up()
  await expect(title).toHaveValue('The boat')
  await page.mouse.click(5, 5)
  await expect(dialog).toBeHidden()
})

test('either of them renames the conversation', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  await alice.chat.rename('Boats')
  await expect(bob.chat.line('alice named the conversation “Boats”')).toBeVisible()
  await expect(bob.page.getByRole('heading', { level: 2, name: 'Boats' })).toBeVisible()
  await bob.chat.rename('Ships')
  await expect(alice.chat.line('bob named the conversation “Ships”')).toBeVisible()
  await expect(alice.chat.row('Ships')).toBeVisible()
})

test('the same two people have two conversations', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob, 'Work')
  await alice.chat.start(['bob'], 'Play')
  // Bob knows Alice by now: no request.
  await bob.chat.open('Play')
  await expect(bob.chat.composer).toBeVisible()
  await alice.chat.send('for play')
  await alice.chat.open('Work')
  await alice.chat.send('for work')
  await expect(bob.chat.message('for play')).toBeVisible()
  await expect(bob.chat.unread('Work', 1)).toBeVisible()
  await bob.chat.open('Work')
  await expect(bob.chat.message('for work')).toBeVisible()
  await expect(bob.chat.message('for play')).toHaveCount(0)
})

test('a request is declined, the next one is blocked, and then nothing more comes', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const request = bob.chat.requests.getByRole('listitem')
  await alice.chat.start(['bob'], 'First')
  await bob.chat.open('First')
  await bob.chat.button('Decline').click()
  await expect(bob.page.getByText('Declined. Nothing of it stays on this device.')).toBeVisible()
  await expect(request).toHaveCount(0)

  await alice.chat.start(['bob'], 'Second')
  await expect(request).toHaveCount(1)
  await bob.chat.open('Second')
  await bob.chat.button('Block').click()
  await expect(bob.page.getByText('Blocked.')).toBeVisible()
  await expect(request).toHaveCount(0)

  const came = bob.context.waitForEvent('response', response => response.url().endsWith('/v1/welcome'))
  await alice.chat.start(['bob'], 'Third')
  await came
  await bob.page.getByRole('link', { name: 'People' }).click()
  await bob.page.getByRole('link', { name: /alice/ }).click()
  await bob.chat.button('Unblock').click()
  await expect(bob.page.getByText('Unblocked.')).toBeVisible()
  await bob.page.getByRole('link', { name: 'Chats' }).click()
  await alice.chat.start(['bob'], 'Fourth')
  await expect(request).toHaveCount(1)
  await expect(request).toContainText('Fourth')
})

test('an unknown address fails clearly, and works when it is tried again after they are there', async ({ person, visitor }) => {
  const alice = await person('alice')
  await alice.chat.start(['carol'])
  const banner = alice.page.getByRole('alert').filter({ hasText: 'This conversation could not be started' })
  await expect(banner).toContainText('Nobody has the address carol@localhost. Check how it is spelled.')
  await banner.getByRole('button', { name: 'Try again' }).click()
  await expect(banner).toContainText('Nobody has the address')

  const carol: Person = await visitor('carol')
  await carol.signUp()
  await banner.getByRole('button', { name: 'Try again' }).click()
  await expect(banner).toBeHidden()
  await carol.chat.accept('alice')
  await alice.chat.send('there you are')
  await expect(carol.chat.message('there you are')).toBeVisible()
})

test('a conversation of three: one adds another, and all see who came', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')]
  await introduce(alice, bob)
  await alice.chat.add('carol')
  await expect(bob.chat.line(/^alice added carol \(Chrome on \w+\)$/)).toBeVisible()
  await carol.chat.open('alice, bob')
  await expect(carol.chat.line(/^alice added you$/)).toBeVisible()
  await carol.chat.button('Accept').click()
  await bob.chat.send('welcome')
  await expect(carol.chat.message('welcome')).toBeVisible()
  await carol.chat.showDetails()
  await expect(carol.chat.details.getByRole('list', { name: 'Members' }).locator('> li')).toHaveCount(3)
})

test('the longest text arrives, and a longer one is not sent but kept', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const longest = 'é'.repeat(16 * 1024)
  await alice.chat.composer.fill(`${longest}!`)
  await expect(alice.page.getByText('Too long by about 1 character.')).toBeVisible()
  await expect(alice.chat.button('Send')).toBeDisabled()
  await alice.chat.composer.press('Enter')
  await expect(alice.chat.composer).toHaveValue(`${longest}!`)
  await alice.chat.send(longest)
  await expect.poll(() => bob.sightings.seen.has(longest)).toBe(true)
  await expect(alice.chat.own(longest, 'Sent')).toBeVisible()
  await expect(alice.chat.composer).toHaveValue('')
})

test('text stays what it is: markup, scripts of other directions, emoji, long words', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  await introduce(alice, bob)
  const texts = ['<img src=x onerror=alert(1)>', '**bold** & &amp; </p>', 'שלום עולם', '👩‍👩‍👧‍👦 e\u0301', 'x'.repeat(3_000)]
  for (const text of texts) await alice.chat.send(text)
  for (const text of texts) await expect.poll(() => bob.sightings.seen.has(text)).toBe(true)
  await alice.chat.composer.fill('first line\nsecond line')
  await alice.chat.composer.press('Enter')
  await expect.poll(() => bob.sightings.seen.has('first line\nsecond line')).toBe(true)
  await alice.chat.send('It is on https://example.org/tides, or javascript:alert(1).')
  const link = bob.chat.messages.getByRole('link', { name: /tides/ })
  await expect(link).toHaveAttribute('href', 'https://example.org/tides')
  await expect(link).toHaveAttribute('rel', 'noopener noreferrer')
  await expect(bob.chat.messages.locator('a[href^="javascript"]')).toHaveCount(0)
})
