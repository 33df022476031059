// The benchmark's page: `connect(script)` starts a worker and gives a function that runs one of its tasks,
// `call(name, ...args)` is that of the script which the address names after its `?`, otherwise the engine's; `sent`
// gathers what left it.
window.sent = []

window.connect = script => {
  const worker = new Worker(script, { type: 'module' })
  const waiting = new Map()
  let next = 0
  worker.onmessage = ({ data }) => {
    if (data.sent) return window.sent.push(data.sent)
    const [resolve, reject] = waiting.get(data.id) ?? []
    waiting.delete(data.id)
    if (data.error) reject?.(new Error(data.error))
    else resolve?.(data.value)
  }
  return (name, ...args) =>
    new Promise((resolve, reject) => {
      waiting.set(++next, [resolve, reject])
      worker.postMessage({ id: next, name, args })
    })
}

window.call = window.connect(`./${location.search.slice(1) || 'worker.js'}`)
