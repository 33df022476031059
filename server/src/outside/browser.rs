//! An HTTP client that goes only where [`Outside`] lets it.

use super::Outside;
use reqwest::{
    Client, ClientBuilder,
    dns::{Name, Resolve, Resolving},
    redirect::Policy,
};

/// A certificate authority.
pub type Root = reqwest::Certificate;

/// A client that follows nobody, remembers nothing and tells nothing of who asks. It trusts `roots`, or what this machine
/// trusts if there are none.
///
/// It would connect to an address in place of a name without resolving anything: ask [`Outside::addresses`] first.
pub fn browser(
    outside: &Outside,
    roots: Vec<Root>,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent("haven")
        .dns_resolver(Checked(outside.clone()));
    let builder = if roots.is_empty() { builder } else { builder.tls_certs_only(roots) };
    change(builder).build()
}

/// Gives the client addresses that were checked, and no others to connect to.
struct Checked(Outside);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let outside = self.0.clone();
        Box::pin(async move {
            // Port 0 stands for that of the URL.
            let addresses = outside.addresses(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
