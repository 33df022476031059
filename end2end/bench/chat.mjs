// The chat benchmark: tasks m1 to m9 in headless Chromium, on the engine's worker and IndexedDB.
//
//   cargo xtask bench chat [-- --sizes 10,100,500,1000] [--runs 5] [--messages 1000]
//
// It prints a table of medians beside Wire's core-crypto 10.3.0, which was measured in the same way on a machine of
// this kind (two cores, Chromium 156), and writes all values to bench-results/chat.json. Machines differ: compare the
// ratios within one run, not these numbers with another day's.
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { median, open, serve, show, timeToFirstWord, withBrowser } from './serve.mjs'

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10,100,500,1000' },
    runs: { type: 'string', default: '5' },
    messages: { type: 'string', default: '1000' },
  },
})
const sizes = options.sizes.split(',').map(Number)
const runs = Number(options.runs)
const messages = Number(options.messages)
const folder = process.env.HAVEN_BENCH // haven-bench.js and haven-bench_bg.wasm, put there by xtask
const app = process.env.HAVEN_DIST // the release web app, for loading times

// Medians of Wire's core-crypto 10.3.0; "durable" where Haven's value is.
const peer = {
  'm1a 0': 109, 'm1c 0': 103, 'm1b 0': 194, 'm1d 0': 83.4, 'm2 0': 38.1,
  'm3 10': 8.63, 'm4 10': 5.56, 'm5a 10': 4.99, 'm5b 10': 2.81, 'm6a 10': 4.67, 'm6b 10': 2.77,
  'm3 100': 66.0, 'm4 100': 26.8, 'm5a 100': 24.4, 'm5b 100': 7.58, 'm6a 100': 27.0, 'm6b 100': 5.67,
  'm3 500': 587, 'm4 500': 115, 'm5a 500': 107, 'm5b 500': 12.7, 'm6a 500': 109, 'm6b 500': 13.3,
  'm3 1000': 1931, 'm4 1000': 239, 'm5a 1000': 218, 'm5b 1000': 22.8, 'm6a 1000': 218, 'm6b 1000': 24.5,
  'm7c 10': 435, 'm7d 10': 435, 'm7c 500': 165, 'm7d 500': 165,
  'm8 10': 192, 'm8.2 10': 32.3, 'm8.3 10': 10.2, 'm8 500': 210, 'm8.2 500': 22.2, 'm8.3 500': 29.9,
  'm9 0': 49,
}

const { origin, close } = await serve(folder, app)
const results = []
const add = (task, n, value, unit) => results.push({ task, n, value, unit })
let serial = 0
const unique = () => `bench-${++serial}`

const call = (page, name, ...args) => page.evaluate(([name, args]) => window.call(name, ...args), [name, args])
const take = json => JSON.parse(json).forEach(({ task, n, value, unit }) => add(task, n, value, unit))

/** Until the engine's own worker, as the app loads it, says that it is ready. */
async function load(context) {
  const page = await context.newPage()
  await page.goto(`${origin}/empty`)
  const time = () => timeToFirstWord(page, '/haven-worker_loader.js')
  add('m1a import + init the engine, nothing cached', 0, await time(), 'ms')
  add('m1c import + init the engine, from the HTTP cache', 0, await time(), 'ms')
  await page.close()
}

for (let run = 0; run < runs; run++) {
  console.log(`run ${run + 1} of ${runs}`)
  await withBrowser(async context => {
    await load(context)
    const page = await open(context, origin)
    take(await call(page, 'clients', unique()))
    for (const n of sizes) take(await call(page, 'groups', unique(), n))
    for (const n of sizes.filter(n => n === 10 || n === 500)) take(await call(page, 'messages', unique(), n, messages))
  })
  for (const n of sizes.filter(n => n === 10 || n === 500)) {
    await withBrowser(async context => {
      const first = await open(context, origin)
      const name = unique()
      const rows = await call(first, 'prepare_restart', name, n)
      await first.close()
      const page = await context.newPage()
      const start = performance.now()
      await page.goto(origin)
      await page.waitForFunction(() => window.call, null, { polling: 5 })
      take(await call(page, 'restart', name, n, rows))
      add('m8 restart: start of navigation to first decrypted message', n, performance.now() - start, 'ms')
    })
  }
  await withBrowser(async context => {
    const first = await open(context, origin)
    const name = unique()
    const killed = call(first, 'encrypt_until_killed', name, 50, '<sent>').catch(() => {})
    await first.waitForFunction(() => window.sent.length >= 50, null, { polling: 5 })
    const sent = await first.evaluate(() => window.sent)
    // The renderer process dies with the worker in it, as in a crash: nothing gets a chance to finish.
    const crash = (await context.newCDPSession(first)).send('Page.crash').catch(() => {})
    await first.waitForEvent('crash')
    await Promise.race([killed, crash])
    const page = await open(context, origin)
    add('m9 generations used again after a kill', 0, await call(page, 'count_reused', name, sent.join(','), 50), 'of 50')
  })
}
close()

const groups = new Map()
for (const { task, n, value, unit } of results) {
  const key = JSON.stringify([task, n, unit])
  groups.set(key, [...(groups.get(key) ?? []), value])
}
const table = [...groups].map(([key, values]) => {
  const [task, n, unit] = JSON.parse(key)
  const middle = median(values)
  const other = peer[`${task.split(' ')[0]} ${n}`]
  const faster = unit === 'msg/s' ? middle / other : other / middle
  return {
    task: n ? `${task} (N=${n})` : task,
    unit,
    haven: show(middle),
    'core-crypto': other === undefined ? '' : show(other),
    'times faster': other === undefined || task.startsWith('m9') ? '' : show(faster),
  }
})
table.sort((a, b) => a.task.localeCompare(b.task, 'en', { numeric: true }))
console.table(table)
await mkdir('bench-results', { recursive: true })
const machine = { date: new Date().toISOString(), runs, sizes, messages }
await writeFile('bench-results/chat.json', JSON.stringify({ machine, table, results }, null, 1))
