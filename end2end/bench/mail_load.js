// Starts the worker that opens and composes mail; it says itself when it is ready.
import init from './haven-mail.js'

await init({ module_or_path: new URL('./haven-mail_bg.wasm', import.meta.url) })
