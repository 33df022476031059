//! Pictures from elsewhere: who may ask, for what, and how often.

use crate::common::{By, TestRelay, person::Person, random, request, split};
use haven_server::limits::Rate;
use haven_wire::{Refusal, ids::SessionToken, mail::GetPicture};

fn picture(url: &str) -> GetPicture {
    GetPicture { url: url.into() }
}

#[tokio::test]
async fn only_people_of_this_relay_get_pictures() {
    let relay = TestRelay::start().await;
    let stranger = SessionToken(random());
    let refusal = relay.call(&picture("https://a.example/x"), By::Session(&stranger)).await.unwrap_err();
    assert_eq!(refusal, Refusal::NotSignedIn);
}

#[tokio::test]
async fn the_relays_own_network_is_not_looked_into() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let own = [format!("{}/healthz", relay.origin()), "http://localhost/healthz".into()];
    let others = ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", "file:///etc/passwd", "x"];
    for url in own.iter().map(String::as_str).chain(others) {
        let refusal = relay.call(&picture(url), By::Session(&alice.session)).await.unwrap_err();
        assert_eq!(refusal, Refusal::NotFound, "{url}");
    }
}

#[tokio::test]
async fn asking_for_many_is_slowed_down_and_counted() {
    let change = |config: &mut haven_server::config::Config| {
        config.limits.pictures = Rate { burst: 2, every_s: 60.0 };
    };
    let relay = TestRelay::start_with(change, Default::default()).await;
    let alice = Person::new(&relay, "alice").await;
    let call = picture("http://127.0.0.1/x");
    for status in [404, 404, 429] {
        let (response, _) = split(relay.raw(request(&call, By::Session(&alice.session))).await).await;
        assert_eq!(response.status(), status);
    }
    let metrics = relay.state.metrics.render();
    assert!(metrics.contains("haven_limited_total{limit=\"pictures\"} 1"), "{metrics}");
    assert!(!metrics.contains("127.0.0.1"));
}
