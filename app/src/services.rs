//! What the page needs of the browser and of the worker.

pub mod browser;
pub mod core_client;
pub mod place;
pub mod service_worker;
#[cfg_attr(feature = "scripted", allow(dead_code, reason = "scripted builds play scenes instead"))]
pub mod worker_port;
