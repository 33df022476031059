// The benchmark's page: `call(name, ...args)` runs one task in the worker; `sent` gathers what left it.
const worker = new Worker('./worker.js', { type: 'module' })
const waiting = new Map()
let next = 0
window.sent = []

worker.onmessage = ({ data }) => {
  if (data.sent) return window.sent.push(data.sent)
  const [resolve, reject] = waiting.get(data.id) ?? []
  waiting.delete(data.id)
  if (data.error) reject?.(new Error(data.error))
  else resolve?.(data.value)
}

window.call = (name, ...args) =>
  new Promise((resolve, reject) => {
    waiting.set(++next, [resolve, reject])
    worker.postMessage({ id: next, name, args })
  })
