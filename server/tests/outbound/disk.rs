//! A disk that becomes full: what the sender learns, and that nothing is lost or goes out twice.

use crate::{
    common::{
        mail::{Reader, by_smarthost},
        mail_server::{MailServer, saying},
        random,
    },
    outbound::scene::{Scene, mail},
};
use haven_wire::Refusal;

/// No page more than there are.
async fn fill(scene: &Scene) {
    scene.relay.store.limit_pages(scene.relay.store.pages().await.unwrap()).await.unwrap();
}

async fn empty(scene: &Scene) {
    scene.relay.store.limit_pages(1_000_000_000).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_taken_and_goes_out_once_when_it_is_sent_again() {
    let mut server = MailServer::start(saying("NEVER", "")).await;
    let mut scene = Scene::new(by_smarthost(server.address)).await;
    let mut call = mail(&["bob@example.org"], "Large");
    call.messages[0].message.extend("Plainwords\r\n".repeat(20_000).as_bytes());
    fill(&scene).await;
    // The app keeps it, says that it waits, and tries again.
    assert_eq!(scene.send(&call).await.unwrap_err(), Refusal::Unavailable);
    assert_eq!(scene.alice.mailbox(&scene.relay).await.head, 0);
    assert!(scene.queue_is_empty().await);
    empty(&scene).await;
    scene.send(&call).await.unwrap();
    assert_eq!(scene.outcome().await, ("bob@example.org".into(), "relayed".into()));
    assert_eq!(server.all().len(), 1);
}

#[tokio::test]
async fn a_mail_for_which_the_disk_has_no_room_waits_and_arrives_once() {
    let mut scene = Scene::new(|_| ()).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let mut call = mail(&["bob@localhost"], "Large");
    let lines = (0..4000).map(|_| format!("{}\r\n", hex::encode(random::<32>())));
    call.messages[0].message.extend(lines.collect::<String>().as_bytes());
    // Room for the sender's copy and the queue's, and none for a third one.
    let before = scene.relay.store.pages().await.unwrap();
    scene.relay.store.limit_pages(before + 150).await.unwrap();
    scene.send(&call).await.unwrap();
    assert_eq!(bob.mailbox(&scene.relay).await.head, 0);
    // There is not even room to begin with it, so the queue tries that until there is.
    empty(&scene).await;
    assert_eq!(scene.outcome().await, ("bob@localhost".into(), "delivered".into()));
    assert_eq!(bob.mails(&scene.relay).await.len(), 1);
    assert!(scene.queue_is_empty().await);
}
