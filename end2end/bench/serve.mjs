// What the benchmarks share: a server for their files, a browser for each run, and tables of medians.
import { chromium } from '@playwright/test'
import { createServer } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { extname, join } from 'node:path'

const types = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm',
  '.json': 'application/json',
}
const pages = {
  '/': '<!doctype html><title>bench</title><script type="module" src="./page.js"></script>',
  '/empty': '<!doctype html><title>empty</title>',
}
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** Serves this folder and others on a port of its own. */
export async function serve(...folders) {
  async function file(path) {
    for (const root of [new URL('.', import.meta.url).pathname, ...folders]) {
      try {
        return await readFile(join(root, path))
      } catch {}
    }
  }
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    const body = pages[path] ?? (await file(path))
    if (body === undefined) return response.writeHead(404).end()
    response
      .writeHead(200, {
        'content-type': pages[path] ? types['.html'] : (types[extname(path)] ?? 'application/octet-stream'),
        'cache-control': 'max-age=3600',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      })
      .end(body)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { origin: `http://localhost:${server.address().port}`, close: () => server.close() }
}

/**
 * A browser of its own for each run, so that no run inherits another's caches or databases. Its profile is on the disk
 * that the target directory is on: a context without a profile, as a private window, keeps IndexedDB in memory.
 */
export async function withBrowser(work) {
  const profile = await mkdtemp(join(process.env.HAVEN_BENCH, 'profile-'))
  let context
  try {
    context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROME_BIN, args: flags })
    return await work(context)
  } finally {
    await context?.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** A page that is ready to run tasks. */
export async function open(context, address) {
  const page = await context.newPage()
  page.on('pageerror', error => console.error(error))
  await page.goto(address)
  await page.waitForFunction(() => window.call)
  return page
}

/** Milliseconds until a worker that was just started says something. */
export function timeToFirstWord(page, script) {
  return page.evaluate(
    script =>
      new Promise((resolve, reject) => {
        const start = performance.now()
        const worker = new Worker(script, { type: 'module' })
        worker.onmessage = () => {
          worker.terminate()
          resolve(performance.now() - start)
        }
        worker.onerror = event => reject(new Error(`${script}: ${event.message}`))
      }),
    script,
  )
}

export const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
export const show = value => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2))
