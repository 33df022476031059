//! Starts the engine's worker.

fn main() {
    haven_worker::start();
}
