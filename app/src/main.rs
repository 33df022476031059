//! Starts Haven's user interface.

fn main() {
    haven_app::start();
}
