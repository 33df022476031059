import { NETWORK_LOST, refused } from '../fixtures/faults.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { expect, test } from '../fixtures/test.ts'

/** The files that are downloaded when a page opens that needs them. */
const PARTS = /\/part-[^/]*\.wasm$/
/** What the script that fetches them says on the console. */
const NOT_FETCHED = /Failed to fetch|Failed to execute 'compile' on 'WebAssembly'|WebAssembly\.instantiateStreaming/

test('mail is downloaded when it is first opened, and that can fail and be tried again', async ({ person }) => {
  const alice = await person('alice', { serviceWorkers: 'block' })
  const asked: string[] = []
  alice.page.on('request', request => void (PARTS.test(request.url()) && asked.push(new URL(request.url()).pathname)))
  const main = alice.page.getByRole('navigation', { name: 'Main' })
  const mail = new MailPage(alice.page)
  expect(asked).toEqual([])

  alice.faults.allow(NETWORK_LOST, NOT_FETCHED, refused(404))
  await alice.context.route(PARTS, route => route.abort('internetdisconnected'))
  await main.getByRole('link', { name: 'Mail' }).click()
  const failed = alice.page.getByRole('heading', { name: 'This page did not load' })
  await expect(failed).toBeVisible()
  expect(asked.some(path => path.startsWith('/part-mail-'))).toBe(true)
  // The rest of Haven goes on.
  await main.getByRole('link', { name: 'Chats' }).click()
  await expect(alice.chat.list).toBeVisible()

  // As after an update of the relay, which has other files then.
  await alice.context.unroute(PARTS)
  await alice.context.route(PARTS, route => route.fulfill({ status: 404, body: 'not found' }))
  await main.getByRole('link', { name: 'Mail' }).click()
  await expect(failed).toBeVisible()
  await alice.context.unroute(PARTS)
  await mail.button('Try again').click()
  await expect(mail.search).toBeVisible()

  asked.length = 0
  await main.getByRole('link', { name: 'Chats' }).click()
  await mail.open()
  expect(asked).toEqual([])
})

test('a page that was never opened opens without a network', async ({ person }) => {
  const alice = await person('alice')
  await alice.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  alice.faults.allow(NETWORK_LOST)
  await alice.context.setOffline(true)
  const main = alice.page.getByRole('navigation', { name: 'Main' })
  await new MailPage(alice.page).open()
  await main.getByRole('link', { name: 'Settings' }).click()
  await expect(alice.page.getByRole('heading', { name: 'Settings' })).toBeVisible()
  await main.getByRole('link', { name: 'People' }).click()
  await expect(alice.page.getByText('Pick a person')).toBeVisible()
})

test('while a page is on its way, that is said', async ({ person }) => {
  const alice = await person('alice', { serviceWorkers: 'block' })
  let go = () => {}
  const held = new Promise<void>(resolve => void (go = resolve))
  await alice.context.route(PARTS, async route => {
    await held
    await route.continue()
  })
  await alice.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'People' }).click()
  await expect(alice.page.getByRole('status').filter({ hasText: 'Loading…' })).toBeVisible()
  go()
  await expect(alice.page.getByText('Pick a person')).toBeVisible()
})
