import type { Page } from '@playwright/test'
import { Build } from '../fixtures/build.ts'
import { NETWORK_LOST, refused } from '../fixtures/faults.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { Relay } from '../fixtures/relay.ts'
import { expect, test } from '../fixtures/test.ts'

/** The files that are downloaded when a page opens that needs them. */
const PARTS = /\/part-[^/]*\.wasm$/
/** What the script that fetches them says on the console. */
const NOT_FETCHED = /Failed to fetch|on 'WebAssembly'/

/** A relay whose web app becomes a newer one while people use it. */
const updating = test.extend<{ build: Build }>({
  build: async ({}, use) => {
    const build = await Build.copy()
    await use(build)
    await build.remove()
  },
  relay: async ({ build }, use) => {
    const relay = await Relay.start('--web-root', build.directory)
    await use(relay)
    await relay.stop()
  },
})

const link = (page: Page, name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })
/** The page's script, which tells one version from another. */
const version = (page: Page) => page.locator('script[data-js]').getAttribute('data-js')

test('mail is downloaded when it is first opened, and that can fail and be tried again', async ({ person }) => {
  const alice = await person('alice', { serviceWorkers: 'block' })
  const files = await alice.page.evaluate(() => performance.getEntriesByType('resource').map(entry => entry.name))
  expect(files.some(file => file.endsWith('.wasm'))).toBe(true)
  expect(files.filter(file => PARTS.test(file))).toEqual([])
  const asked: string[] = []
  alice.page.on('request', request => void (PARTS.test(request.url()) && asked.push(new URL(request.url()).pathname)))
  const mail = new MailPage(alice.page)

  alice.faults.allow(NETWORK_LOST, NOT_FETCHED)
  await alice.context.route(PARTS, route => route.abort('internetdisconnected'))
  await link(alice.page, 'Mail').click()
  const failed = alice.page.getByRole('heading', { name: 'This page did not load' })
  await expect(failed).toBeVisible()
  expect(asked.some(path => path.startsWith('/part-mail-'))).toBe(true)
  // The rest of Haven goes on.
  await link(alice.page, 'Chats').click()
  await expect(alice.chat.list).toBeVisible()

  await link(alice.page, 'Mail').click()
  await expect(failed).toBeVisible()
  await alice.context.unroute(PARTS)
  await mail.button('Try again').click()
  await expect(mail.search).toBeVisible()

  asked.length = 0
  await link(alice.page, 'Chats').click()
  await mail.open()
  expect(asked).toEqual([])
})

test('a page that was never opened opens without a network', async ({ person }) => {
  const alice = await person('alice')
  await alice.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  alice.faults.allow(NETWORK_LOST)
  await alice.context.setOffline(true)
  await new MailPage(alice.page).open()
  await link(alice.page, 'Settings').click()
  await expect(alice.page.getByRole('heading', { name: 'Settings' })).toBeVisible()
  await link(alice.page, 'People').click()
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
  await link(alice.page, 'People').click()
  await expect(alice.page.getByRole('status').filter({ hasText: 'Loading…' })).toBeVisible()
  go()
  await expect(alice.page.getByText('Pick a person')).toBeVisible()
})

updating('after an update, a page that was not opened yet still opens, and all tabs go over together', async ({ build, person }) => {
  const alice = await person('alice')
  await alice.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  const pages = [alice.page, (await alice.tab()).page]
  const before = await version(alice.page)
  await build.update()
  await alice.page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()))
  await expect(alice.page.getByText('A new version is ready')).toBeVisible()
  await new MailPage(alice.page).open()
  expect(await version(alice.page)).toBe(before)
  await alice.page.getByRole('button', { name: 'Reload' }).click()
  for (const page of pages) {
    await expect(page.locator(`script[data-js]:not([data-js="${before}"])`)).toBeAttached()
    await link(page, 'People').click()
    await expect(page.getByText('Pick a person')).toBeVisible()
  }
})

updating('where nothing is kept for offline, a reload is offered after an update, and helps', async ({ build, person }) => {
  const alice = await person('alice', { serviceWorkers: 'block' })
  await build.update()
  alice.faults.allow(NOT_FETCHED, refused(404))
  await link(alice.page, 'Mail').click()
  await expect(alice.page.getByRole('heading', { name: 'This page did not load' })).toBeVisible()
  await alice.page.getByRole('main').getByRole('button', { name: 'Reload' }).click()
  await expect(new MailPage(alice.page).search).toBeVisible()
})
