//! Mail that can't go out: what the person is told, and that nothing of it disappears.
use haven_bridge::{
    Event, Failure,
    mail::{DeliveryState, Draft, DraftFile, Folder, MailId, MailState, MailView, Mailbox},
};
use haven_core::{
    intent::Intent,
    request::{Outgoing, Rejection, Request},
    store::{Key, Table},
    testing::{Fault, Who, World},
};
use haven_wire::{Refusal, push::FromRelay};

const MAIL: MailId = MailId([0xD1; 16]);
const ALICE: Who = Who(0);

fn draft() -> Draft {
    let bob = Mailbox { name: String::new(), address: "bob@example.org".into() };
    Draft { to: vec![bob], subject: "Grüße".into(), text: "The boat is ready.".into(), ..Draft::default() }
}

async fn two_people() -> World {
    let mut world = World::restarting();
    for name in ["alice", "bob"] {
        world.sign_up(name).await;
    }
    world.settle_mail().await;
    world
}

async fn write(world: &mut World, draft: Draft) {
    world.want(ALICE, Intent::SaveDraft { id: MAIL, draft }).await;
}

async fn send(world: &mut World) {
    world.want(ALICE, Intent::SendMail { draft: MAIL, in_the_clear: false }).await;
}

/// The mails of the only thread of a folder.
async fn mails(world: &mut World, who: Who, folder: Folder) -> Vec<MailView> {
    let page = world.engine(who).mail_folder(folder, None, 100).await.unwrap();
    let [row] = &page.threads[..] else { panic!("{} threads", page.threads.len()) };
    world.engine(who).mail_thread(row.id).await.unwrap()
}

/// Lets the relay refuse Alice's mail once.
async fn refuse(world: &mut World, refusal: Refusal) {
    let submission = submission(world).await;
    let now = world.clock(ALICE);
    world.engine(ALICE).reject(submission.id, Rejection::Refused(refusal), now).await.unwrap();
}

/// Goes on until Alice hands her mail over.
async fn submission(world: &mut World) -> Outgoing {
    loop {
        let now = world.clock(ALICE);
        let pending = world.engine(ALICE).outgoing(now).await.unwrap();
        assert!(!(pending.requests.is_empty() && pending.work.is_empty()), "she has nothing to say");
        for (id, work) in pending.work {
            world.engine(ALICE).worked(id, Some(work.run()), now).await.unwrap();
        }
        for request in pending.requests {
            if matches!(request.request, Request::SubmitMail(_)) {
                return request;
            }
            world.exchange(ALICE, request).await;
        }
    }
}

#[test]
fn more_files_than_a_mail_carries_are_refused_at_once_and_the_draft_stays() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let limit = 25 * 1024 * 1024;
        let attach = |file, size| Intent::AttachFile { draft: MAIL, file, bytes: vec![7; size] };
        world.want(ALICE, attach(1, 1024 * 1024)).await;
        let too_large = Failure::MailTooLarge { limit };
        assert_eq!(world.want_in_vain(ALICE, attach(2, 24 * 1024 * 1024 + 1)).await, too_large);
        let file = |id, size| DraftFile {
            id,
            name: format!("{id}.bin"),
            media_type: "application/octet-stream".into(),
            size,
        };
        let with_one = Draft { attachments: vec![file(1, 1024 * 1024)], ..draft() };
        write(&mut world, with_one.clone()).await;
        assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), Some(with_one));

        let claimed = Draft { attachments: vec![file(1, limit + 1)], ..draft() };
        write(&mut world, claimed.clone()).await;
        let send = Intent::SendMail { draft: MAIL, in_the_clear: false };
        assert_eq!(world.want_in_vain(ALICE, send).await, too_large);
        assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), Some(claimed));
    });
}

#[test]
fn files_may_be_half_as_large_if_somebody_gets_them_blind() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let file =
            |size| DraftFile { id: 1, name: "boat.tar".into(), media_type: "application/x-tar".into(), size };
        let carol = Mailbox { name: String::new(), address: "carol@example.org".into() };
        let blind = |size| Draft { bcc: vec![carol.clone()], attachments: vec![file(size)], ..draft() };
        write(&mut world, blind(25 * 1024 * 1024)).await;
        let send = Intent::SendMail { draft: MAIL, in_the_clear: false };
        let refused = world.want_in_vain(ALICE, send.clone()).await;
        let Failure::MailTooLarge { limit } = refused else { panic!("{refused:?}") };
        assert!((12_500_000..14_000_000).contains(&limit), "{limit}");
        write(&mut world, blind(limit)).await;
        assert_eq!(world.want_in_vain(ALICE, send).await, Failure::NotFound, "only the file is missing now");
    });
}

#[test]
fn a_mail_that_the_relay_does_not_take_says_why_and_can_be_sent_again() {
    pollster::block_on(async {
        for (refusal, failure) in [
            (
                Refusal::TooLarge { what: "mail".into(), limit: 9_000_000 },
                Failure::MailTooLarge { limit: 9_000_000 },
            ),
            (Refusal::MailboxFull, Failure::MailboxFull),
            (Refusal::OutsideMailOff, Failure::OutsideMailOff),
        ] {
            let mut world = two_people().await;
            write(&mut world, draft()).await;
            send(&mut world).await;
            refuse(&mut world, refusal).await;
            world.settle_mail().await;
            let failed = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
            assert_eq!(failed.summary.state, Some(MailState::Failed(failure)));
            assert!(failed.text.contains("The boat is ready."), "it is all there");
            let away = Intent::MoveMail { mails: vec![MAIL], folder: Folder::Trash };
            assert_eq!(world.want_in_vain(ALICE, away).await, Failure::MailUnsent);

            world.want(ALICE, Intent::BackToDrafts { mail: MAIL }).await;
            assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), Some(draft()));
            send(&mut world).await;
            world.settle_mail().await;
            assert_eq!(mails(&mut world, Who(1), Folder::Inbox).await.len(), 1);
            let sent = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
            assert!(sent.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
        }
    });
}

async fn state_of_sent(world: &mut World) -> Option<MailState> {
    mails(world, ALICE, Folder::Sent).await.remove(0).summary.state
}

fn taken_back(world: &World) -> Vec<Option<MailId>> {
    let draft = |event: &Event| match event {
        Event::MailTakenBack { mail: MAIL, draft } => Some(*draft),
        _ => None,
    };
    world.devices[0].told.iter().filter_map(draft).collect()
}

#[test]
fn a_mail_that_is_being_handed_over_is_taken_back_and_the_relay_takes_it_no_more_however_late_it_comes() {
    pollster::block_on(async {
        let mut world = two_people().await;
        world.want(ALICE, Intent::AttachFile { draft: MAIL, file: 1, bytes: b"the plan".to_vec() }).await;
        let plan = DraftFile { id: 1, name: "plan.txt".into(), media_type: "text/plain".into(), size: 8 };
        let draft = Draft { attachments: vec![plan], ..draft() };
        write(&mut world, draft.clone()).await;
        send(&mut world).await;
        let late = submission(&mut world).await;
        world.offline(ALICE);
        world.want(ALICE, Intent::BackToDrafts { mail: MAIL }).await;
        world.settle_mail().await;
        assert_eq!(state_of_sent(&mut world).await, Some(MailState::WantedBack), "only the relay can say");

        world.online(ALICE);
        world.settle_mail().await;
        let [Some(id)] = taken_back(&world)[..] else { panic!("{:?}", taken_back(&world)) };
        assert_ne!(id, MAIL);
        assert_eq!(world.engine(ALICE).draft(id).await.unwrap(), Some(draft));
        assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), None);
        let refused = world.call(ALICE, &late).await.unwrap_err();
        assert_eq!(refused, Rejection::Refused(Refusal::NotFound));

        world.want(ALICE, Intent::SendMail { draft: id, in_the_clear: false }).await;
        world.settle_mail().await;
        let got = mails(&mut world, Who(1), Folder::Inbox).await;
        let [mail] = &got[..] else { panic!("{} mails", got.len()) };
        assert_eq!(mail.attachments[0].name, "plan.txt");
        assert_eq!(
            world.devices[0].store.keys(Table::MailFiles),
            Vec::<Key>::new(),
            "nothing is left behind"
        );
    });
}

#[test]
fn a_mail_that_the_relay_has_is_not_taken_back_and_that_is_said() {
    pollster::block_on(async {
        for lost in [vec![], vec![Fault::LoseReply], vec![Fault::LoseRequest, Fault::LoseReply]] {
            let mut world = two_people().await;
            write(&mut world, draft()).await;
            send(&mut world).await;
            let submission = submission(&mut world).await;
            world.call(ALICE, &submission).await.unwrap();
            world.relay.break_next(lost);
            world.want(ALICE, Intent::BackToDrafts { mail: MAIL }).await;
            world.settle_mail().await;
            assert_eq!(taken_back(&world), [None]);
            assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), None);
            assert_eq!(state_of_sent(&mut world).await, Some(MailState::Sent));
            assert_eq!(mails(&mut world, Who(1), Folder::Inbox).await.len(), 1);
        }
    });
}

#[test]
fn a_mail_waits_while_the_relays_disk_is_full_and_goes_out_once() {
    pollster::block_on(async {
        let mut world = two_people().await;
        write(&mut world, draft()).await;
        send(&mut world).await;
        refuse(&mut world, Refusal::Unavailable).await;
        let waiting = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
        assert_eq!(waiting.summary.state, Some(MailState::RelayFull));
        let away = Intent::MoveMail { mails: vec![MAIL], folder: Folder::Trash };
        assert_eq!(
            world.want_in_vain(ALICE, away).await,
            Failure::MailUnsent,
            "or it would go out from the trash"
        );
        world.settle_mail().await;
        let sent = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
        assert_eq!(sent.summary.state, Some(MailState::Sent));
        let (before, after) = (&waiting.summary, &sent.summary);
        assert_eq!(
            (before.thread, before.protection),
            (after.thread, after.protection),
            "whoever looks on sees it"
        );
        assert_eq!(mails(&mut world, Who(1), Folder::Inbox).await.len(), 1);
    });
}

#[test]
fn a_recipient_whom_another_server_refuses_is_named_with_the_reason() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let nobody = Mailbox { name: String::new(), address: "nobody@else.example".into() };
        write(&mut world, Draft { cc: vec![nobody], ..draft() }).await;
        world.want(ALICE, Intent::SendMail { draft: MAIL, in_the_clear: true }).await;
        world.settle_mail().await;
        let sent = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
        let state = |address: &str| {
            let found = sent.deliveries.iter().find(|delivery| delivery.address == address);
            found.unwrap().state.clone()
        };
        assert_eq!(state("bob@example.org"), DeliveryState::Delivered);
        assert!(
            matches!(state("nobody@else.example"), DeliveryState::Failed { .. }),
            "{:?}",
            sent.deliveries
        );
        assert_eq!(sent.summary.state, Some(MailState::Undelivered));
        assert_eq!(mails(&mut world, Who(1), Folder::Inbox).await.len(), 1);
    });
}

/// What Postfix reports of a mail with this Message-ID.
fn report(id: &str, recipient: &str) -> Vec<u8> {
    let sample = include_str!("data/mail/status_postfix.eml");
    let about = sample.replace("d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1@example.org", id);
    about.replace("lost@elsewhere.example", recipient).replace('\n', "\r\n").into_bytes()
}

#[test]
fn what_a_server_reports_later_is_told_of_the_mail_and_of_nobody_whom_the_own_relay_delivers_to() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let dan = Mailbox { name: String::new(), address: "Dan@else.example".into() };
        write(&mut world, Draft { cc: vec![dan], ..draft() }).await;
        world.want(ALICE, Intent::SendMail { draft: MAIL, in_the_clear: true }).await;
        world.settle_mail().await;
        let sent = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
        assert_eq!(sent.summary.state, Some(MailState::Sent));

        let id = &format!("{}@example.org", "d1".repeat(16));
        let forged = [
            report(id, "bob@example.org"),
            report(id, "eve@else.example"),
            report("another@example.org", "dan@else.example"),
        ];
        for mail in forged {
            world.relay.mail_arrives("alice@example.org", &mail);
        }
        world.settle_mail().await;
        let still = world.engine(ALICE).mail_thread(sent.summary.thread).await.unwrap().remove(0);
        assert_eq!(still.deliveries, sent.deliveries);

        world.relay.mail_arrives("alice@example.org", &report(id, "dan@else.example"));
        world.settle_mail().await;
        let thread = world.engine(ALICE).mail_thread(sent.summary.thread).await.unwrap();
        let reason = "unknown mail system error 1".into();
        let state = |address: &str| {
            let found = thread[0].deliveries.iter().find(|delivery| delivery.address == address);
            found.unwrap().state.clone()
        };
        assert_eq!(state("Dan@else.example"), DeliveryState::Failed { reason });
        assert_eq!(state("bob@example.org"), DeliveryState::Delivered);
        assert_eq!(thread[0].summary.state, Some(MailState::Undelivered));
        assert_eq!(
            thread.last().unwrap().summary.subject,
            "Undelivered Mail Returned to Sender",
            "beside it"
        );
    });
}

#[test]
fn an_address_of_the_own_relay_that_nobody_has_stops_the_mail_and_the_draft_stays() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let boob = Mailbox { name: String::new(), address: "Boob@example.org".into() };
        let mistyped = Draft { cc: vec![boob], ..draft() };
        write(&mut world, mistyped.clone()).await;
        // It is not known yet when she sends it, and no consent to clear text helps.
        let send = Intent::SendMail { draft: MAIL, in_the_clear: true };
        world.want(ALICE, send.clone()).await;
        world.settle_mail().await;
        let failure = Failure::MailRecipientUnknown { address: "Boob@example.org".into() };
        let failed = mails(&mut world, ALICE, Folder::Sent).await.remove(0);
        assert_eq!(failed.summary.state, Some(MailState::Failed(failure.clone())));
        world.want(ALICE, Intent::BackToDrafts { mail: MAIL }).await;
        assert_eq!(world.engine(ALICE).draft(MAIL).await.unwrap(), Some(mistyped));
        assert_eq!(world.want_in_vain(ALICE, send).await, failure, "now it is known, and said at once");

        write(&mut world, draft()).await;
        world.want(ALICE, Intent::SendMail { draft: MAIL, in_the_clear: false }).await;
        world.settle_mail().await;
        assert_eq!(mails(&mut world, Who(1), Folder::Inbox).await.len(), 1);
    });
}

#[test]
fn a_mail_that_the_relay_lists_and_does_not_have_is_asked_for_with_the_next_poll() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let body = "The boat is ready.\r\n".repeat(20_000);
        let mail = format!("Received: here\r\nFrom: bob@example.net\r\nSubject: Long\r\n\r\n{body}");
        world.relay.mail_arrives("alice@example.org", mail.as_bytes());
        for _ in 0..3 {
            world.now += 120_000;
            let mut refused = 0;
            for _ in 0..50 {
                let now = world.clock(ALICE);
                for request in world.engine(ALICE).outgoing(now).await.unwrap().requests {
                    if matches!(request.request, Request::GetMail(_)) {
                        refused += 1;
                        let missing = Rejection::Refused(Refusal::NotFound);
                        world.engine(ALICE).reject(request.id, missing, now).await.unwrap();
                    } else {
                        world.exchange(ALICE, request).await;
                    }
                }
            }
            assert_eq!(refused, 1);
        }
        world.settle_mail().await;
        assert_eq!(mails(&mut world, ALICE, Folder::Inbox).await.len(), 1);
    });
}

#[test]
fn mail_that_comes_while_another_turns_out_to_be_deleted_is_fetched_without_waiting_a_minute() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let arrives = |world: &World, subject: &str| {
            let body = "The boat is ready.\r\n".repeat(20_000);
            let mail = format!("Received: here\r\nFrom: bob@example.net\r\nSubject: {subject}\r\n\r\n{body}");
            world.relay.mail_arrives("alice@example.org", mail.as_bytes());
        };
        arrives(&world, "Deleted");
        world.now += 120_000;
        let now = world.clock(ALICE);
        let body = loop {
            let requests = world.engine(ALICE).outgoing(now).await.unwrap().requests;
            let (bodies, others): (Vec<_>, Vec<_>) =
                requests.into_iter().partition(|request| matches!(request.request, Request::GetMail(_)));
            for other in others {
                world.exchange(ALICE, other).await;
            }
            if let Some(body) = bodies.into_iter().next() {
                break body;
            }
        };
        arrives(&world, "New");
        let hint = FromRelay::Mailbox { head: 2 };
        world.engine(ALICE).receive(vec![hint], now).await.unwrap();
        world.engine(ALICE).reject(body.id, Rejection::Refused(Refusal::NotFound), now).await.unwrap();
        world.talk().await;
        let inbox = world.engine(ALICE).mail_folder(Folder::Inbox, None, 100).await.unwrap();
        assert!(!inbox.threads.is_empty());
    });
}
