import { readFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { MailPage } from '../fixtures/mail_page.ts'
import { MailRelay } from '../fixtures/mail_relay.ts'
import { Person } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'
import { Trap } from '../fixtures/trap.ts'

/** Payloads that are shown in one mail. */
const IN_A_MAIL = 12
/** Of this family, each would swallow those after it. */
const LEFT_OPEN = 'left open'

interface Payload {
  html: string
  family: string
  /** The public collection that has one like it, and where in there. */
  origin: string
}

/** The collection that the engine's tests clean, each payload alone: `app/core/tests/data/html/README.md`. */
async function payloads(): Promise<Payload[]> {
  const text = await readFile(new URL('../../app/core/tests/data/html/hostile.txt', import.meta.url), 'utf8')
  const found: Payload[] = []
  let heading: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# ')) {
      heading = line.slice(2).split(' | ')
    } else {
      const html = line.replace(/[\u2400-\u241f]/g, picture => String.fromCharCode(picture.charCodeAt(0) - 0x2400))
      const [family, origin] = heading
      found.push({ html, family, origin })
    }
  }
  return found
}

/** As many together as can be without getting in each other's way. */
function letters(all: Payload[]): Payload[][] {
  const alone = all.filter(({ family }) => family === LEFT_OPEN)
  const others = all.filter(({ family }) => family !== LEFT_OPEN)
  const starts = others.flatMap((_, index) => (index % IN_A_MAIL === 0 ? [index] : []))
  return [...starts.map(start => others.slice(start, start + IN_A_MAIL)), ...alone.map(payload => [payload])]
}

const told = ({ html, origin }: Payload) => `${origin}: ${html}`

/** Lets the browser do what it was going to do. */
const settle = (page: Page) => page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))))

/** What is in the frame for mail that must not be there. */
function leftovers(): string[] {
  const frame = document.querySelector<HTMLIFrameElement>('iframe.mail-frame')!
  const bad: string[] = []
  for (const element of frame.contentDocument!.body.querySelectorAll('*')) {
    const names = element.getAttributeNames().filter(name => /^on|srcset|^(id|class|action|data|poster|background|ping)$/.test(name))
    const href = element.getAttribute('href') ?? 'mailto:'
    const target = element.getAttribute('target')
    const opens = target !== null && (target !== '_blank' || element.getAttribute('rel') !== 'noopener noreferrer')
    const fetched = element.getAttribute('src')?.startsWith('data:image/') === false
    const style = /url|position|expression|@|\\/i.test(element.getAttribute('style') ?? '')
    const known = element instanceof frame.contentWindow!.HTMLElement && !/^(script|style|link|meta|base|iframe|object|embed|form|input|button|video|audio|template)$/i.test(element.localName)
    if (!known || names.length > 0 || opens || fetched || style || !/^(https?:\/\/|mailto:)/i.test(href.trim())) bad.push(element.outerHTML)
  }
  return bad
}

test('hostile mail runs nothing and fetches nothing when it is read', async ({ playwright, launchOptions }) => {
  const trap = await Trap.set(playwright, launchOptions)
  const host = await MailRelay.start()
  const alice = new Person('alice', host.origin)
  await alice.use(await trap.context())
  await alice.signUp()
  const mail = new MailPage(alice.page)
  await mail.open()
  for (const [number, letter] of letters(await payloads()).entries()) {
    const subject = `Payloads, part ${String(number).padStart(3, '0')}`
    const within = letter.map(told).join('\n')
    const head = [
      'From: Mallory <mallory@evil.example>',
      'To: alice@localhost',
      `Subject: ${subject}`,
      `Message-ID: <${number}@evil.example>`,
      'MIME-Version: 1.0',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: base64',
    ]
    const html = `<p>It begins.</p>${letter.map(({ html }) => html).join('\n')}`
    const body = Buffer.from(html).toString('base64').replace(/.{76}/g, '$&\n')
    expect(await host.deliver('mallory@evil.example', 'alice@localhost', `${head.join('\n')}\n\n${body}\n`)).toMatch(/^250/)
    await mail.read(subject)
    await expect(alice.page.frameLocator('iframe.mail-frame').getByText('It begins.')).toBeVisible()
    await settle(alice.page)
    expect(await alice.page.evaluate(leftovers), within).toEqual([])
    expect(trap, within).toMatchObject({ knocks: 0, dialogs: [] })
    await mail.openFolder('Inbox')
  }
  expect(trap).toMatchObject({ knocks: 0, dialogs: [] })
  expect(new URL(alice.page.url()).origin).toBe(host.origin)
  // The policy of the frame had nothing left to block.
  alice.faults.check()
  await trap.close()
  await host.stop()
})

/**
 * Puts each payload into a frame of its own as it is, but without TLS, so that the trap understands what it asks for.
 * `check` is called after each.
 */
async function inFrames(page: Page, kind: 'as mail' | 'without walls', check: (payload: Payload) => void = () => {}) {
  for (const payload of await payloads()) {
    await page.evaluate(
      async ([html, kind]) => {
        const frame = document.createElement('iframe')
        const loaded = new Promise(done => frame.addEventListener('load', done, { once: true }))
        if (kind === 'as mail') {
          frame.setAttribute('sandbox', 'allow-same-origin allow-popups allow-popups-to-escape-sandbox')
          frame.src = '/mail.html'
        }
        document.body.append(frame)
        await loaded
        const inside = frame.contentDocument!
        if (kind === 'as mail') {
          inside.documentElement.innerHTML = `<head></head><body>${html}</body>`
        } else {
          inside.write(html)
          inside.close()
        }
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
      },
      [payload.html.replaceAll('https:', 'http:'), kind] as const,
    )
    check(payload)
  }
}

test('the frame for mail would hold back what cleaning overlooked', async ({ relay, playwright, launchOptions }) => {
  const trap = await Trap.set(playwright, launchOptions)
  const page = await (await trap.context()).newPage()
  await page.goto(relay.origin)
  await expect(page.getByRole('heading', { name: 'Welcome to Haven' })).toBeVisible()
  // Chromium connects to the server of a frame within the frame before its policy forbids to ask there for anything.
  await inFrames(page, 'as mail', payload => expect(trap, told(payload)).toMatchObject({ requests: 0, dialogs: [] }))
  expect(trap).toMatchObject({ requests: 0, dialogs: [] })
  expect(page.url().startsWith(relay.origin)).toBe(true)
  await trap.close()
})

test('without cleaning and without the frame, the same mail does get out', async ({ playwright, launchOptions }) => {
  const trap = await Trap.set(playwright, launchOptions)
  const page = await (await trap.context()).newPage()
  await page.goto('http://reader.example/')
  await inFrames(page, 'without walls')
  await expect.poll(() => trap.dialogs.length, { timeout: 60_000 }).toBeGreaterThan(50)
  expect(trap.requests).toBeGreaterThan(50)
  await trap.close()
})
