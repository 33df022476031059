//! Starts the worker that opens and composes mail.

fn main() {
    if let Err(error) = haven_worker::mail_worker::serve() {
        web_sys::console::error_1(&error);
    }
}
