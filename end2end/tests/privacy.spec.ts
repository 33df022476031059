import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { introduce, Person } from '../fixtures/person.ts'
import { Profile } from '../fixtures/profile.ts'
import { expect, test } from '../fixtures/test.ts'

interface Secret {
  what: string
  pattern: RegExp
}

/** Words in a row, whatever stands between them. */
const row = (words: string[]) => words.map(word => word.replace(/\W/g, '\\$&')).join('[^a-z]{1,8}')

const text = (what: string, text: string): Secret => ({ what, pattern: new RegExp(text.replace(/\W/g, '\\$&'), 'i') })

/** Any three neighbours: one word alone may be anywhere, and Chromium's settings hold hundreds of pairs of common words. */
function words(what: string, list: string[]): Secret[] {
  const threes = list.slice(2).map((_, index) => list.slice(index, index + 3))
  return threes.map(three => ({ what: `${what} ("${three.join(' ')}")`, pattern: new RegExp(row(three), 'i') }))
}

/** Where secrets are found in the files below a directory, as bytes or as UTF-16. */
async function scan(directory: string, secrets: Secret[]): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path)
    const readings = [bytes.toString('latin1'), bytes.toString('utf16le'), bytes.subarray(1).toString('utf16le')]
    for (const { what, pattern } of secrets) {
      if (readings.some(reading => pattern.test(reading))) found.push(`${what} in ${path.slice(directory.length + 1)}`)
    }
  }
  return found
}

test('neither the relay nor the browser keeps in the clear what was said, to whom, or what opens it', async ({ person, relay }) => {
  const bob = await person('brambleton')
  const profile = await Profile.create()
  try {
    const alice = new Person('quillfeather', relay.origin)
    await alice.use(await profile.start())
    await alice.welcome.open(relay.origin)
    Object.assign(alice, await alice.welcome.signUp(alice.name))
    await alice.welcome.confirmPhrase(alice.words)
    await introduce(alice, bob, 'Zephyrworks')
    for (const text of ['meet at Vorpalquay', 'x '.repeat(400) + 'Snickersnee']) await alice.chat.send(text)
    await bob.chat.send('bring the Jabberlamp')
    await expect(alice.chat.message('bring the Jabberlamp')).toBeVisible()
    await alice.chat.rename('Tumtumtree')
    await alice.chat.composer.fill('begun but not sent: Frumiousdraft')
    await alice.page.getByRole('link', { name: 'People' }).click()
    await alice.page.getByRole('link', { name: /brambleton/ }).click()
    await expect(alice.page.getByText(bob.address)).not.toHaveCount(0)
    await alice.page.getByRole('link', { name: 'Chats' }).click()
    await alice.chat.open('Tumtumtree')
    await alice.page.reload()
    await expect(alice.chat.message('bring the Jabberlamp')).toBeVisible()
    // Without a title, the other's name stands for it.
    await alice.chat.start([bob.address])
    await expect(alice.chat.line('You started the conversation with brambleton')).toBeVisible()
    alice.faults.check()

    const said: Secret[] = ['Vorpalquay', 'Snickersnee', 'Jabberlamp', 'Frumiousdraft'].map(word => text('a message', word))
    const titles = ['Zephyrworks', 'Tumtumtree'].map(word => text('a title', word))
    const keys = [...words('a password', alice.password.split(' ')), ...words('a recovery phrase', alice.words)]
    const others = [...words('a password', bob.password.split(' ')), ...words('a recovery phrase', bob.words)]
    // While it runs, so that the database's log is there too.
    const names = await readdir(relay.data)
    expect(names).toContain('haven.db-wal')
    expect(await scan(relay.data, [...said, ...titles, ...keys, ...others])).toEqual([])
    const addresses = [text('an address', 'quillfeather'), text('an address', 'brambleton')]
    expect(await scan(relay.data, addresses), 'the scan sees what is there').not.toEqual([])
    expect((await readFile(relay.log, 'utf8')).length).toBeGreaterThan(1_000)
    const logged = (await readFile(relay.log, 'utf8')).split('\n')
    for (const { pattern } of [...said, ...titles, ...keys, ...others, ...addresses]) {
      expect(logged.filter(line => pattern.test(line))).toEqual([])
    }

    await profile.quit()
    expect(await scan(profile.directory, [text('the origin', new URL(relay.origin).host)])).not.toEqual([])
    const contacts = [text('a contact', 'brambleton')]
    expect(await scan(profile.directory, [...said, ...titles, ...keys, ...contacts])).toEqual([])
  } finally {
    await profile.delete()
  }
})

test('what is typed is not kept among the tabs that the browser opens again', async ({ relay }) => {
  const profile = await Profile.create()
  try {
    const alice = new Person('quillfeather', relay.origin)
    await alice.use(await profile.start())
    const { page, welcome } = alice
    const kept = (secrets: Secret[]) => scan(join(profile.directory, 'Default', 'Sessions'), secrets)
    await welcome.open(relay.origin)
    await welcome.name.fill('quillfeather')
    const password = await welcome.suggest()
    // Own addresses are kept, and show that the form was.
    await expect.poll(() => kept([text('the name', 'quillfeather')]), { timeout: 60_000 }).not.toEqual([])
    expect(await kept(words('a password', password.split(' ')))).toEqual([])

    await welcome.button('Create an account').click()
    await expect(welcome.words).toHaveCount(12)
    await welcome.confirmPhrase(await welcome.words.allInnerTexts())
    await expect(alice.chat.list).toBeVisible()
    await page.goto(`${relay.origin}/mail/new`)
    await page.getByLabel('Subject').fill('On the Wabelands')
    await page.getByLabel('Text', { exact: true }).fill('Calloohcallay')
    await expect(page.getByText('Saved', { exact: true })).toBeVisible()
    await page.reload()
    await expect(page.getByLabel('Text', { exact: true })).toHaveValue('Calloohcallay')
    alice.faults.check()
    await profile.quit()
    expect(await scan(profile.directory, ['Wabelands', 'Calloohcallay'].map(word => text('a mail', word)))).toEqual([])
  } finally {
    await profile.delete()
  }
})
