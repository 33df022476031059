// Tells when what a library wrote to IndexedDB is there, if the library itself doesn't: it keeps count of the write
// transactions. To be imported before the library writes.
let open = 0
let lastEnd = 0
let wake = () => {}

const transaction = IDBDatabase.prototype.transaction
IDBDatabase.prototype.transaction = function (...args) {
  const begun = transaction.apply(this, args)
  if (begun.mode === 'readonly') return begun
  open++
  const end = () => {
    lastEnd = performance.now()
    if (--open === 0) wake()
  }
  begun.addEventListener('complete', end)
  begun.addEventListener('abort', end)
  return begun
}

const channel = new MessageChannel()

/** A turn of the event loop: whatever waits for nothing but its own promises has run then. */
const turn = () =>
  new Promise(resolve => {
    channel.port1.onmessage = resolve
    channel.port2.postMessage(null)
  })

/** Waits until nothing is being written or waits to be, and gives the time when the last write ended. */
export async function written() {
  await turn()
  while (open > 0) {
    await new Promise(resolve => (wake = resolve))
    // The end of one write is what a queue starts the next on.
    await turn()
  }
  return lastEnd
}
