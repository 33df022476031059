// The mail benchmark: tasks p1 to p7 in headless Chromium, by Haven's mail code and by openpgp.js, turn by turn in the
// same browser.
//
//   cargo xtask bench mail [-- --sizes 10,50] [--runs 5]
//
// It prints a table of medians and writes all values to bench-results/mail.json. Both do the same work: keys of
// version 4, SEIPDv1 with AES-256, SHA-512, signed, to the recipient and the sender, nothing compressed. p4 is binary
// and OpenPGP alone; p7 is what a person waits for, a whole mail with a file: MIME, base64, OpenPGP, armor. For
// openpgp.js p7's MIME is a few lines of JavaScript that check and show nothing.
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { median, open, serve, show, timeToFirstWord, withBrowser } from './serve.mjs'

const { values: options } = parseArgs({
  options: { sizes: { type: 'string', default: '10,50' }, runs: { type: 'string', default: '5' } },
})
const sizes = options.sizes.split(',').map(Number)
const runs = Number(options.runs)
const MB = 1_000_000
/** In MB: what a mail carries. */
const LARGEST_FILE = 25

const openpgp = new URL('../node_modules/openpgp/dist/', import.meta.url).pathname
// HAVEN_BENCH: haven-bench and haven-mail with their wasm, put there by xtask.
const { origin, close } = await serve(process.env.HAVEN_BENCH, openpgp)

const results = []
const add = (task, who, value, unit) => results.push({ task, who, value, unit })
const perSecond = ms => 1000 / ms

async function load(context) {
  const page = await context.newPage()
  await page.goto(`${origin}/empty`)
  for (const [who, script] of [['haven', '/mail_load.js'], ['openpgp.js', '/openpgp_worker.js']]) {
    add('p1a load, nothing cached', who, await timeToFirstWord(page, script), 'ms')
    add('p1c load, from the HTTP cache', who, await timeToFirstWord(page, script), 'ms')
  }
  await page.close()
}

async function tasks(page) {
  await page.evaluate(() => {
    window.workers = { haven: window.call, 'openpgp.js': window.connect('./openpgp_worker.js') }
  })
  /** Runs a task on both sides. Each value gets a name and a unit. */
  const both = async (name, args, ...named) => {
    for (const who of ['haven', 'openpgp.js']) {
      const values = await page.evaluate(
        async ([who, name, args]) => {
          const given = args.map(arg => (arg === '<certificate>' ? window.certificate : arg))
          return Array.from(await window.workers[who](who === 'haven' ? `mail_${name}` : name, ...given))
        },
        [who, name, args],
      )
      named.forEach(([task, unit, of], index) => add(task, who, of(values[index]), unit))
    }
  }
  await both('keys', [10], ['p2 generate a key', '/s', perSecond])
  await both('messages', [10_000, 2, 20, true],
    ['p3a sign + encrypt 10 kB, armored', '/s', perSecond], ['p3b decrypt + verify it', '/s', perSecond])
  for (const size of sizes) {
    const rate = ms => (size * 1000) / ms
    await both('messages', [size * MB, 2, 1, false],
      [`p4a sign + encrypt ${size} MB`, 'MB/s', rate], [`p4b decrypt + verify ${size} MB`, 'MB/s', rate])
  }
  await both('messages', [10_000, 50, 5, true],
    ['p5a sign + encrypt 10 kB to 50 recipients', '/s', perSecond], ['p5b decrypt + verify it', '/s', perSecond])
  await page.evaluate(async () => {
    window.certificate = await window.workers['openpgp.js']('certificate', 30, 10)
  })
  await both('certificates', ['<certificate>', 20],
    ['p6a parse a certificate of 30 user ids', '/s', perSecond], ['p6b and verify all of it', '/s', perSecond])
  for (const size of sizes.filter(size => size <= LARGEST_FILE)) {
    const rate = ms => (size * 1000) / ms
    await both('mails', [size * MB, 1],
      [`p7a compose a mail with a file of ${size} MB`, 'MB/s', rate], [`p7b open it, take the file`, 'MB/s', rate])
  }
}

for (let run = 0; run < runs; run++) {
  console.log(`run ${run + 1} of ${runs}`)
  await withBrowser(async context => {
    await load(context)
    await tasks(await open(context, origin))
  })
}
close()

const names = [...new Set(results.map(({ task }) => task))].sort()
const table = names.map(task => {
  const of = who => results.filter(result => result.task === task && result.who === who)
  const [haven, other] = ['haven', 'openpgp.js'].map(who => median(of(who).map(({ value }) => value)))
  const unit = of('haven')[0].unit
  const faster = unit === 'ms' ? other / haven : haven / other
  return { task, unit, haven: show(haven), 'openpgp.js': show(other), 'times faster': show(faster) }
})
console.table(table)
await mkdir('bench-results', { recursive: true })
const machine = { date: new Date().toISOString(), runs, sizes }
await writeFile('bench-results/mail.json', JSON.stringify({ machine, table, results }, null, 1))
