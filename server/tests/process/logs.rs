//! What the program logs, at its most talkative, while every part of its API is used: of nobody.

use crate::{
    common::{
        By, TestRelay,
        group::Group,
        mail::Reader,
        mail_server::{MailServer, saying},
        person::{Person, key_packages, list, sign_up},
        random,
        socket::Socket,
    },
    process::client::{Program, Wire},
};
use haven_wire::{
    Call,
    account::*,
    group::*,
    ids::*,
    inbox::*,
    keys::*,
    mail::*,
    push::{FromRelay, ToRelay},
};

/// What a part of the API, a file in `routes/`, logs of itself.
const PARTS: [&str; 12] = [
    "/v1/register/finish",
    "/v1/mail/certificates",
    "/v1/group/append",
    "/healthz",
    "/v1/inbox/get",
    "/v1/key_packages/claim",
    "/v1/directory/lookup",
    "/v1/mail/submit",
    "/v1/mail/picture",
    "/v1/socket",
    "/.well-known/openpgpkey",
    "assets",
];

/// In the Web Key Directory, `joe.doe` is this.
const JOE_DOE: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";

/// Calls, whatever the answer is.
async fn call<C: Call>(wire: &Wire, call: C, by: By<'_>) {
    let _ = wire.call(&call, by).await.expect("an answer");
}

async fn use_accounts(wire: &Wire, person: &Person, newcomer: RegisterFinish) -> Vec<String> {
    let address = person.address.clone();
    let (device_id, session) = (DeviceId(random()), SessionToken(random()));
    let session_hash = session.hash();
    call(wire, Info {}, By::Nobody).await;
    call(wire, RegisterStart { address: address.clone(), request: vec![1; 32] }, By::Nobody).await;
    call(wire, newcomer.clone(), By::Nobody).await;
    call(wire, LoginStart { address: address.clone(), request: vec![1; 32] }, By::Nobody).await;
    let login = MessageId(random());
    call(wire, LoginFinish { login, finalization: vec![7; 64], device_id, session_hash }, By::Nobody).await;
    call(wire, Recover { address, recovery_login: session, device_id, session_hash }, By::Nobody).await;
    for by in [person.by(), By::Session(&session)] {
        call(wire, GetVault {}, by).await;
        call(wire, PutVault { vault: newcomer.vault.clone() }, by).await;
        call(wire, ReplaceCredentials { credentials: newcomer.credentials.clone() }, by).await;
        call(wire, RevokeDevice { device_id, device_list: None }, by).await;
        call(wire, SignOut { device_list: None }, By::Session(&session)).await;
    }
    vec![device_id.to_hex(), session.to_hex(), session_hash.to_hex(), login.to_hex()]
}

async fn use_keys(wire: &Wire, person: &Person, friend: &Person) {
    for address in [person.address.clone(), "quietnobody@localhost".to_owned()] {
        call(wire, Lookup { address: address.clone() }, friend.by()).await;
        call(wire, ClaimKeyPackages { address, suite: 1 }, friend.by()).await;
    }
    call(wire, PutDeviceList { device_list: list(2) }, person.by()).await;
    let certificate = b"quiet certificate".to_vec();
    call(wire, PutCertificate { certificate, replaces: Hash(random()) }, person.by()).await;
    call(wire, key_packages(3), person.by()).await;
    call(wire, CountKeyPackages { suite: 1 }, person.by()).await;
}

/// A conversation, whose rows come over a socket, and an inbox.
async fn use_a_group(wire: &Wire, person: &Person) -> Vec<String> {
    let mut group = Group::new();
    let mut commit = group.new_commit(false);
    let welcome = WelcomeId(random());
    commit.pointers.push(Pointer { inbox: person.device, sealed: vec![0x5e; 20] });
    commit.welcome = Some(StoredWelcome { id: welcome, welcome: b"quiet welcome".to_vec() });
    for _ in 0..2 {
        wire.call(&commit, By::Token(&group.token(0))).await.unwrap().unwrap();
    }
    call(wire, GetWelcome { id: welcome }, By::Nobody).await;
    call(wire, GetInbox { after: 0 }, person.by()).await;
    call(wire, AcknowledgeInbox { up_to: 1 }, person.by()).await;
    group.epoch = 1;
    let mut socket = Socket::of_at(wire.address, person).await;
    socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    socket.drain().await;
    let messages = group.new_messages(2);
    let mut secrets = vec![
        group.id.to_hex(),
        welcome.to_hex(),
        commit.message_id.to_hex(),
        messages.messages[0].message_id.to_hex(),
    ];
    for epoch in [0, 1, 2] {
        let token = group.token(epoch);
        call(wire, messages.clone(), By::Token(&token)).await;
        call(wire, GetRows { group_id: group.id, epoch, after: 0, limit: 10 }, By::Token(&token)).await;
        call(wire, GetHeads { groups: vec![group.opened(epoch)] }, By::Nobody).await;
        socket.send(&ToRelay::Subscribe(vec![group.opened(epoch)])).await;
        secrets.extend([token.to_hex(), token.hash().to_hex()]);
    }
    let pushed = socket.drain().await;
    assert!(pushed.iter().any(|frame| matches!(frame, FromRelay::Rows { .. })), "{pushed:?}");
    socket.send(&ToRelay::Unsubscribe(vec![group.id])).await;
    socket.drain().await;
    secrets
}

/// A mail that is delivered here and refused elsewhere, and everything else that is done with mail.
async fn use_mail(wire: &Wire, person: &Person, friend: &Person) -> Vec<String> {
    let mut socket = Socket::of_at(wire.address, person).await;
    let (id, note) = (MessageId(random()), MessageId(random()));
    let message = format!("From: <{}>\r\nSubject: quiet\r\n\r\nquiet\r\n", person.address);
    let recipients = vec![friend.address.clone(), "quietstranger@elsewhere.example".to_owned()];
    let messages = vec![OutgoingMail { recipients, message: message.into() }];
    let submitted = SubmitMail { id, messages, kept: 0, note: None };
    wire.call(&submitted, person.by()).await.unwrap().unwrap();
    // What was sent, and what became of it here and elsewhere.
    socket.mailbox_has(3).await;
    call(wire, MailInfo {}, person.by()).await;
    call(wire, GetMailbox { after: 0, limit: 10 }, person.by()).await;
    call(wire, GetMail { sequence: 1 }, person.by()).await;
    call(wire, PutNotes { notes: vec![Note { id: note, sealed: b"quiet".to_vec() }] }, person.by()).await;
    call(wire, DeleteMail { sequences: vec![1] }, person.by()).await;
    for url in ["https://quietpicture.example/quiet.png", "http://127.0.0.1/quiet.png"] {
        call(wire, GetPicture { url: url.into() }, person.by()).await;
    }
    call(wire, FindCertificates { address: "quiet@elsewhere.example".into() }, person.by()).await;
    vec![id.to_hex(), note.to_hex()]
}

#[tokio::test]
async fn logs_name_nobody() {
    let relay = TestRelay::start().await;
    let (_, newcomer) = sign_up(&relay, "joe.doe").await;
    let (person, friend) =
        (Reader::new(&relay, "quietperson").await.person, Reader::new(&relay, "quietfriend").await.person);
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let server = MailServer::start(saying("RCPT", "550 quietanswer")).await;
    let config = format!(
        "[mail]\nroute = \"smarthost\"\nsmarthost = \"smtp://{}\"\nsmarthost_tls = \"none\"\n\
         [certificates]\nkey_server = \"off\"\n",
        server.address
    );
    std::fs::write(data.join("haven.toml"), config).unwrap();
    let program = Program::start(&data, &["--log", "trace"]).await;
    let wire = &program.wire;
    let mut secrets = ["quiet", "joe.doe", JOE_DOE, "elsewhere", "127.0.0.1:"].map(str::to_owned).to_vec();
    for person in [&person, &friend] {
        let session = person.session;
        secrets.extend([person.device.to_hex(), session.to_hex(), session.hash().to_hex()]);
    }
    secrets.extend(use_accounts(wire, &person, newcomer).await);
    use_keys(wire, &person, &friend).await;
    secrets.extend(use_a_group(wire, &person).await);
    secrets.extend(use_mail(wire, &person, &friend).await);
    let joe = format!("/.well-known/openpgpkey/hu/{JOE_DOE}?l=joe.doe");
    for path in [&joe, "/healthz", "/readyz", "/chat/quiet?quiet"] {
        wire.get(path).await;
    }
    let (_, out, err) = program.terminate();
    let log = err.to_lowercase();
    assert!(out.starts_with("Haven is running at http://"));
    for part in PARTS {
        assert!(log.contains(part), "{part} was not used: {log}");
    }
    let named: Vec<_> =
        log.lines().filter(|line| secrets.iter().any(|secret| line.contains(secret))).collect();
    assert!(named.is_empty(), "{named:#?}");
    // Bytes printed as a list would be found by none of the above.
    let digits = |text: &str| text.split(", ").filter(|part| part.parse::<u8>().is_ok()).count();
    assert!(log.lines().all(|line| digits(line) < 4), "{log}");
}
