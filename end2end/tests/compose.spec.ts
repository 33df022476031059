import { inspect } from '../fixtures/accessibility.ts'
import { MailPage } from '../fixtures/mail_page.ts'
import { expect, test } from '../fixtures/test.ts'

test('a mail is formatted by buttons, keys and typing, looked at, and read as it was meant', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const [hers, his] = [new MailPage(alice.page), new MailPage(bob.page)]
  await his.open()
  await hers.open()
  await hers.write({ to: [bob.address], subject: 'What to bring', text: '' })
  await hers.button('Formatting').click()
  await expect(hers.text).toBeFocused()
  await hers.text.pressSequentially('Dear Bob')
  await hers.text.press('Shift+Control+ArrowLeft')
  await hers.text.press('Control+b')
  await hers.text.press('Control+End')
  await hers.text.pressSequentially(' 🐢,\n\n')
  await hers.button('List').click()
  await hers.text.pressSequentially('bread\nsalt\n\nSee ')
  await hers.button('Link (Ctrl+K)').click()
  await hers.text.pressSequentially('the map')
  await expect(hers.text).toHaveValue('Dear **Bob** 🐢,\n\n- bread\n- salt\nSee [the map](https://)')
  await hers.text.press('Control+End')
  await hers.text.press('ArrowLeft')
  await hers.text.pressSequentially('example.org/map')
  const text = 'Dear **Bob** 🐢,\n\n- bread\n- salt\nSee [the map](https://example.org/map)'
  await expect(hers.text).toHaveValue(text)

  await hers.button('Preview').click()
  const preview = alice.page.frameLocator('.mail-preview iframe')
  await expect(preview.locator('strong')).toHaveText('Bob')
  await hers.button('Go on writing').click()
  await hers.text.press('Control+End')
  await hers.text.press('x')
  await hers.text.press('Control+z')
  await expect(hers.text).toHaveValue(text)
  await expect(alice.page.getByText('Saved', { exact: true })).toBeVisible()
  await inspect(alice.page, 'a formatted mail')
  await alice.page.reload()
  await expect(hers.text).toHaveValue(text)
  await expect(hers.button('Formatting')).toHaveAttribute('aria-pressed', 'true')
  await hers.send()

  const card = await his.read('What to bring')
  const shown = card.frameLocator('iframe')
  await expect(shown.locator('strong')).toHaveText('Bob')
  await expect(shown.getByRole('listitem')).toHaveText(['bread', 'salt'])
  await expect(shown.getByRole('link', { name: 'the map' })).toHaveAttribute('href', 'https://example.org/map')
  await card.getByRole('button', { name: 'Show as plain text' }).click()
  await expect(card.getByText('Dear **Bob** 🐢,').last()).toBeVisible()
})

test('cells of a table are pasted as text, and a picture alone as a file', async ({ person }) => {
  const alice = await person('alice')
  const mail = new MailPage(alice.page)
  await mail.open()
  await mail.write({ to: [], subject: 'Figures', text: '' })
  const paste = (text: string) => mail.text.evaluate((field, text) => {
    const clipboardData = new DataTransfer()
    if (text) clipboardData.setData('text/plain', text)
    clipboardData.items.add(new File(['cells'], 'cells.png', { type: 'image/png' }))
    return field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
  expect(await paste('1\t2'), 'left to the field').toBe(true)
  await expect(alice.page.getByText('cells.png')).toHaveCount(0)
  expect(await paste('')).toBe(false)
  await expect(alice.page.getByText('cells.png')).toBeVisible()
})
