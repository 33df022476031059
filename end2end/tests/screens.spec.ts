import { inspect } from '../fixtures/accessibility.ts'
import { NETWORK_LOST, refused } from '../fixtures/faults.ts'
import { tabTo } from '../fixtures/keyboard.ts'
import { introduce } from '../fixtures/person.ts'
import { expect, test } from '../fixtures/test.ts'

test('the screens before an account are for everybody', async ({ visitor, relay }) => {
  const { page, welcome, chat, faults } = await visitor('alice')
  await welcome.open(relay.origin)
  await inspect(page, 'sign up')
  await welcome.button('Create an account').click()
  await welcome.password.fill('weak')
  await inspect(page, 'sign up with errors')
  await welcome.button('I have an account').click()
  await inspect(page, 'sign in')
  faults.allow(refused(401))
  await welcome.address.fill('nobody')
  await welcome.password.fill('wrong')
  await welcome.button('Sign in').click()
  await expect(welcome.trouble).toBeVisible()
  await inspect(page, 'sign in refused')
  await welcome.button('I forgot my password').click()
  await inspect(page, 'recover')
  await welcome.button('Back').click()
  await welcome.button('Create an account').click()
  const { words } = await welcome.signUp('alice')
  await inspect(page, 'recovery phrase')
  await welcome.button('I have written them down').click()
  await inspect(page, 'checking the phrase')
  await welcome.button('Show the words again').click()
  await welcome.confirmPhrase(words)
  await expect(chat.list).toBeVisible()
  await inspect(page, 'no conversations')
  await page.goto(`${relay.origin}/nowhere`)
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
  await inspect(page, 'not found')
})

test('the screens of conversations are for everybody', async ({ person, relay }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const { page, chat, faults } = alice
  await chat.list.getByRole('button', { name: 'New conversation' }).first().click()
  await chat.dialog('New conversation').getByLabel('Addresses', { exact: true }).fill('bob')
  await chat.dialog('New conversation').getByLabel('Addresses', { exact: true }).press('Enter')
  await inspect(page, 'new conversation')
  await chat.dialog('New conversation').getByRole('button', { name: 'Start conversation' }).click()
  await expect(chat.line('You started the conversation with bob')).toBeVisible()
  await inspect(page, 'a conversation without messages')
  await expect(bob.chat.requests).toBeVisible()
  await inspect(bob.page, 'a list with a request')
  await bob.chat.open('alice')
  await inspect(bob.page, 'a request')
  await bob.chat.button('Accept').click()
  for (const text of ['Hello Bob', 'How are you?', 'a'.repeat(200)]) await chat.send(text)
  await bob.chat.send('Fine, and you?')
  await expect(chat.message('Fine, and you?')).toBeVisible()
  await inspect(page, 'a conversation')
  await chat.showDetails()
  await inspect(page, 'details')
  await chat.details.getByRole('button', { name: 'Rename' }).click()
  await inspect(page, 'rename')
  await page.keyboard.press('Escape')
  await chat.details.getByRole('button', { name: 'Add people' }).click()
  await inspect(page, 'add people')
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'People' }).click()
  await inspect(page, 'people')
  await page.getByRole('link', { name: /bob/ }).click()
  await inspect(page, 'a person')
  await page.getByRole('link', { name: 'Settings' }).click()
  await expect(page.getByRole('list', { name: 'Your devices' })).toBeVisible()
  await inspect(page, 'settings')
  await chat.button('Sign out').click()
  await inspect(page, 'the question before signing out')
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Chats' }).click()
  await chat.start(['nobody'])
  await expect(page.getByRole('alert')).toBeVisible()
  await inspect(page, 'a conversation that could not be started')
  await tabTo(page, chat.button('Try again'))
  faults.allow(NETWORK_LOST)
  await chat.open('bob')
  await alice.context.setOffline(true)
  await chat.send('waiting')
  await expect(chat.own('waiting', 'Waiting to be sent')).toBeVisible()
  await inspect(page, 'offline')
})

test('with the keyboard alone: an account, a conversation, a message', async ({ person, visitor, relay }) => {
  const bob = await person('bob')
  const alice = await visitor('alice')
  const { page, welcome, chat } = alice
  const { keyboard } = page
  await welcome.open(relay.origin)
  await tabTo(page, welcome.name)
  await keyboard.type('alice')
  await tabTo(page, welcome.button('Suggest one'))
  await keyboard.press('Enter')
  await expect(welcome.password).not.toHaveValue('')
  await tabTo(page, welcome.password)
  await keyboard.press('Enter')
  await expect(welcome.words).toHaveCount(12)
  const words = await welcome.words.allInnerTexts()
  await tabTo(page, welcome.button('I have written them down'))
  await keyboard.press('Enter')
  const labels = page.getByText(/^Word \d+$/)
  await expect(labels).toHaveCount(3)
  for (const label of await labels.allInnerTexts()) {
    await tabTo(page, page.getByLabel(label, { exact: true }))
    await keyboard.type(words[Number(label.slice(5)) - 1])
  }
  await keyboard.press('Enter')
  await expect(chat.list).toBeVisible()

  await tabTo(page, chat.list.getByRole('button', { name: 'New conversation' }).first())
  await keyboard.press('Enter')
  // The dialog puts the focus where one begins.
  await expect(chat.dialog('New conversation').getByLabel('Addresses', { exact: true })).toBeFocused()
  await keyboard.type('bob')
  await keyboard.press('Enter')
  await tabTo(page, chat.button('Start conversation'))
  await keyboard.press('Enter')
  await expect(chat.composer).toBeFocused()
  await keyboard.type('written without a mouse')
  await keyboard.press('Enter')
  await expect(chat.own('written without a mouse', 'Sent')).toBeVisible()
  await expect(chat.composer).toBeFocused()

  await tabTo(bob.page, bob.chat.row('alice').getByRole('link'))
  await bob.page.keyboard.press('Enter')
  await tabTo(bob.page, bob.chat.button('Accept'))
  await bob.page.keyboard.press('Enter')
  await expect(bob.chat.composer).toBeFocused()
  await expect(bob.chat.message('written without a mouse')).toBeVisible()
})

test('files come compressed, cached, and under a strict policy', async ({ relay, request, visitor }) => {
  const { page, welcome } = await visitor('alice')
  const files = new Set<string>()
  const unknown: string[] = []
  page.on('console', message => {
    if (/Permissions-Policy/.test(message.text())) unknown.push(message.text())
  })
  page.on('response', response => files.add(new URL(response.url()).pathname))
  await welcome.open(relay.origin)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  expect(await page.evaluate(() => isSecureContext)).toBe(true)
  expect(unknown).toEqual([])
  await page.evaluate(async () => void (await navigator.serviceWorker.ready))
  const paths = ['/', '/chat/anything', '/sw.js', '/manifest.webmanifest', '/healthz', '/no-such-file.js', ...files]
  expect(paths.some(path => path.endsWith('.wasm'))).toBe(true)
  for (const path of new Set(paths)) {
    const response = await request.get(relay.origin + path)
    const headers = response.headers()
    const policy = headers['content-security-policy'] ?? ''
    expect(policy, path).toMatch(/^default-src 'none'/)
    expect(policy, path).toContain("script-src 'self' 'wasm-unsafe-eval';")
    expect(policy, path).toContain("require-trusted-types-for 'script'")
    expect(policy, path).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/)
    expect(headers, path).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(headers, path).not.toHaveProperty('set-cookie')
    if (!response.ok() || path === '/healthz') continue

    const hashed = /-[0-9a-f]{8,16}[._]/.test(path)
    expect(headers['cache-control'], path).toBe(hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    if (/\.(wasm|js|css)$/.test(path) && (await response.body()).length > 2_000) {
      expect(headers['content-encoding'], path).toBe('br')
    }
    const again = await request.get(relay.origin + path, { headers: { 'if-none-match': headers.etag } })
    expect(again.status(), path).toBe(304)
    expect((await again.body()).length, path).toBe(0)
  }
})

test('Haven can be installed', async ({ relay, request, visitor }) => {
  const { page, welcome } = await visitor('alice')
  await welcome.open(relay.origin)
  const manifest = await (await request.get(`${relay.origin}/manifest.webmanifest`)).json()
  expect(manifest).toMatchObject({ name: 'Haven', display: 'standalone' })
  for (const icon of manifest.icons) expect((await request.get(new URL(icon.src, relay.origin).href)).ok()).toBe(true)
  const session = await page.context().newCDPSession(page)
  await page.evaluate(async () => void (await navigator.serviceWorker.ready))
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
  expect(installabilityErrors.map(error => error.errorId).filter(id => id !== 'in-incognito')).toEqual([])
})
