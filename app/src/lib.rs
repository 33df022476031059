//! Haven's user interface: Leptos, rendered in the browser. It knows no cryptography and stores nothing but the
//! chosen colours; everything else comes from the engine's worker over `haven-bridge`.
//!
//! The flow is one way: an [`Event`](haven_bridge::Event) changes a store in `state`, a component shows the store, and
//! a component asks the [`CoreClient`] for things with a [`Command`](haven_bridge::Command).

// The tests of the modules run where the app runs.
#[cfg(all(test, target_arch = "wasm32"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

mod app;
mod components;
mod features;
mod live;
mod pages;
mod routes;
mod services;
mod state;
mod text;

#[cfg(feature = "scripted")]
pub mod scripted;

pub use app::App;
pub use services::core_client::{CoreClient, FromPort, Port, Trouble};

/// Mounts the app in place of the boot screen.
pub fn start() {
    std::panic::set_hook(Box::new(services::browser::show_panic));
    leptos::mount::mount_to_body(|| {
        services::browser::remove_boot_screen();
        leptos::view! { <App core=core_client()/> }
    });
}

#[cfg(not(feature = "scripted"))]
fn core_client() -> CoreClient {
    CoreClient::new(services::worker_port::WorkerPort::default())
}

#[cfg(feature = "scripted")]
fn core_client() -> CoreClient {
    scripted::client_for_page()
}
