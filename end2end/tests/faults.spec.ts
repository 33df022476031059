import { Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('what goes wrong in a service worker fails a test', async ({ browser, relay }) => {
  const alice = new Person('alice', relay.origin)
  await alice.use(await browser.newContext())
  await alice.welcome.open(relay.origin)
  await alice.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  alice.faults.check()
  const [worker] = alice.context.serviceWorkers()
  await worker.evaluate(() => {
    console.error('said')
    setTimeout(() => {
      throw new Error('thrown')
    })
    void Promise.reject(new Error('rejected'))
    void fetch('https://evil.example/').catch(() => {})
  })
  for (const fault of [/said/, /uncaught Error: thrown/, /uncaught Error: rejected/, /blocked by the policy: connect-src https:\/\/evil\.example/]) {
    await expect(() => expect(() => alice.faults.check()).toThrow(fault)).toPass()
  }
  await alice.context.close()
})
