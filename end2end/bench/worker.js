// Runs the benchmark's engine side in a dedicated worker, where the real engine runs.
import init, * as bench from './haven-bench.js'

const ready = init({ module_or_path: new URL('./haven-bench_bg.wasm', import.meta.url) })

onmessage = async ({ data: { id, name, args } }) => {
  try {
    await ready
    const given = args.map(arg => (arg === '<sent>' ? row => postMessage({ sent: row }) : arg))
    postMessage({ id, value: await bench[name](...given) })
  } catch (error) {
    postMessage({ id, error: String(error?.stack ?? error) })
  }
}
