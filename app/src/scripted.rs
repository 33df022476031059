//! stub
use crate::CoreClient;
pub fn client_for_page() -> CoreClient {
    CoreClient::new(crate::services::worker_port::WorkerPort::default())
}
