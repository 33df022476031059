// The chat benchmark: tasks m1 to m9 in headless Chromium, by Haven's engine and by Wire's core-crypto 10.3.0, one
// after the other in each run, both in a worker and on IndexedDB.
//
//   cargo xtask bench chat [-- --sizes 10,100,500,1000] [--runs 5] [--messages 1000] [--without-peer]
//
// It prints a table of medians and writes all values to bench-results/chat.json. Machines differ: compare the ratios
// within one run, not these numbers with another day's.
//
// Both are measured until what they wrote is in IndexedDB. Haven's promises resolve then, core-crypto's earlier: the
// table's last column says when, and m7a and m7b are the rates of somebody who awaits only them. m1a and m1c end when
// the code is ready, and neither stores m2's key packages.
//
// The work is the same, but for what follows. Haven asks IndexedDB for strict durability; core-crypto leaves it at the
// browser's default, which doesn't wait for the disk. Haven's m3, m4, m5a and m6a hold the work of a relay in memory;
// what core-crypto sends is taken at once. Haven validates key packages when they are claimed, before m3; core-crypto in
// m3. Haven checks certificates and stores the messages' texts; core-crypto does neither. In m9 messages follow one
// another until the tab is killed; Haven's event loop gets a turn after each, core-crypto's only in the second row.
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { median, open, serve, show, timeToFirstWord, withBrowser } from './serve.mjs'

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10,100,500,1000' },
    runs: { type: 'string', default: '5' },
    messages: { type: 'string', default: '1000' },
    'without-peer': { type: 'boolean', default: false },
  },
})
const sizes = options.sizes.split(',').map(Number)
const fewSizes = sizes.filter(n => n === 10 || n === 500)
const runs = Number(options.runs)
const messages = Number(options.messages)

const results = []
let serial = 0
const unique = () => `bench-${++serial}`

const call = (page, name, ...args) => page.evaluate(([name, args]) => window.call(name, ...args), [name, args])

/** One of those who are measured: `worker` runs its tasks, `loader` does nothing but load it. */
class Side {
  constructor(who, { origin, close }, worker, loader) {
    Object.assign(this, { who, close, empty: `${origin}/empty`, page: `${origin}/?${worker}`, loader })
  }

  add(task, n, value, unit, promise) {
    results.push({ task, n, who: this.who, value, promise, unit })
  }

  take(json) {
    const rows = JSON.parse(json)
    rows.forEach(({ task, n, value, unit, promise }) => this.add(task, n, value, unit, promise))
    return rows
  }

  open(context) {
    return open(context, this.page)
  }

  async measure() {
    await withBrowser(context => this.load(context))
    await withBrowser(context => this.work(context))
    for (const n of fewSizes) await withBrowser(context => this.restart(context, n))
    await withBrowser(context => this.kill(context, 'm9 generations used again after a kill', false))
    if (this.who === 'haven') return
    await withBrowser(context => this.kill(context, 'm9 the same, with a fetch after each message', true))
  }

  /** Until the code, as an app loads it, says that it is ready. */
  async load(context) {
    const page = await context.newPage()
    await page.goto(this.empty)
    const time = () => timeToFirstWord(page, this.loader)
    this.add('m1a import + init the engine, nothing cached', 0, await time(), 'ms')
    this.add('m1c import + init the engine, from the HTTP cache', 0, await time(), 'ms')
  }

  async work(context) {
    let page = await this.open(context)
    const name = unique()
    this.take(await call(page, 'clients', name))
    // As long as core-crypto's worker lives, the store is still in its memory.
    if (this.who !== 'haven') {
      await page.close()
      page = await this.open(context)
      this.take(await call(page, 'reopen', name))
    }
    for (const n of sizes) this.take(await call(page, 'groups', unique(), n))
    for (const n of fewSizes) this.take(await call(page, 'messages', unique(), n, messages))
  }

  async restart(context, n) {
    const first = await this.open(context)
    const name = unique()
    const message = await call(first, 'prepare_restart', name, n)
    await first.close()
    const page = await context.newPage()
    const start = performance.now()
    await page.goto(this.page)
    await page.waitForFunction(() => window.call, null, { polling: 5 })
    const json = await call(page, 'restart', name, n, message)
    const time = performance.now() - start
    const waited = this.take(json).reduce((sum, { value, promise }) => sum + value - (promise ?? value), 0)
    this.add('m8 restart: start of navigation to first decrypted message', n, time, 'ms', time - waited)
  }

  /** Kills the tab in the middle of a burst, and counts in the next 50 messages which keys the burst had used. */
  async kill(context, task, pause) {
    const first = await this.open(context)
    const name = unique()
    const killed = call(first, 'encrypt_until_killed', name, 2000, '<sent>', pause).catch(() => {})
    await first.waitForFunction(() => window.sent.length >= 50, null, { polling: 5 })
    const sent = await first.evaluate(() => window.sent)
    // The renderer process dies with the worker in it, as in a crash: nothing gets a chance to finish.
    const crash = (await context.newCDPSession(first)).send('Page.crash').catch(() => {})
    await first.waitForEvent('crash')
    await Promise.race([killed, crash])
    const page = await this.open(context)
    this.add(task, 0, await call(page, 'count_reused', name, sent.join(','), 50), 'of 50')
  }
}

// HAVEN_BENCH: haven-bench.js and haven-bench_bg.wasm, put there by xtask. HAVEN_DIST: the release web app, for the
// times of loading.
const haven = await serve(process.env.HAVEN_BENCH, process.env.HAVEN_DIST)
const sides = [new Side('haven', haven, 'worker.js', '/haven-worker_loader.js')]
if (!options['without-peer']) {
  const folder = new URL('node_modules/@wireapp/core-crypto/dist/browser/', import.meta.url).pathname
  // An origin of its own, so that the stores are apart too.
  sides.push(new Side('core-crypto', await serve(folder), 'core_crypto_worker.js', '/core_crypto_load.js'))
}
for (let run = 0; run < runs; run++) {
  // Machines get slower and faster: neither is always first.
  for (const side of run % 2 ? sides.toReversed() : sides) {
    console.log(`run ${run + 1} of ${runs}: ${side.who}`)
    await side.measure()
  }
}
sides.forEach(side => side.close())

/** Medians of a task, by who and which clock. */
function row(key) {
  const [task, n, unit] = JSON.parse(key)
  const of = (who, clock) => {
    const same = results.filter(result => result.who === who && keyOf(result) === key)
    return median(same.map(result => result[clock]).filter(value => value !== undefined))
  }
  const [haven, other, promise] = [of('haven', 'value'), of('core-crypto', 'value'), of('core-crypto', 'promise')]
  const shown = value => (value === undefined ? '' : show(value))
  const faster = { ms: other / haven, 'msg/s': haven / other }[unit]
  return {
    task: n ? `${task} (N=${n})` : task,
    unit,
    haven: shown(haven),
    'core-crypto': shown(other),
    'times faster': Number.isFinite(faster) ? show(faster) : '',
    "core-crypto's promise": shown(promise),
  }
}

const keyOf = ({ task, n, unit }) => JSON.stringify([task, n, unit])
const table = [...new Set(results.map(keyOf))].map(row)
table.sort((a, b) => a.task.localeCompare(b.task, 'en', { numeric: true }))
console.table(table)
await mkdir('bench-results', { recursive: true })
const machine = { date: new Date().toISOString(), runs, sizes, messages }
await writeFile('bench-results/chat.json', JSON.stringify({ machine, table, results }, null, 1))
