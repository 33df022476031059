//! A device whose MLS is mls-rs: tree, key schedule and framing are not OpenMLS's. It shares with Haven's devices what
//! Haven adds to MLS: the relay, attestations by a certificate, and the CBOR in messages, pointers and group contexts,
//! which is written down here a second time. It does in plain sight what an engine does, and asserts what an engine
//! checks.

mod forms;

use forms::{
    ATTESTATION, CONTEXT, Content, Context, Ended, Envelope, Pointed, Seen, commit_data, extensions, required,
};
use haven_core::{
    identity::{Account, AttestationClaim, Certificate, attestation, device_list, inbox},
    request::Caller as _,
    testing::{Connection, ORIGIN, TestRelay, Who, World, account},
};
use haven_wire::{group::*, ids::*, inbox::GetInbox, keys::*};
use mls_rs::{
    CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, Extension, ExtensionList, Group,
    MlsMessage, WireFormat,
    client_builder::{MlsConfig, PaddingMode},
    extension::built_in::RequiredCapabilitiesExt,
    group::{CommitBuilder, CommitEffect, NewEpoch, ReceivedMessage, proposal::Proposal},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions},
    time::MlsTime,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use serde_bytes::{ByteArray, ByteBuf};
use std::{rc::Rc, time::Duration};

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
/// mls-rs begins a lifetime an hour before the time that it is told. Haven wants lifetimes that never matter.
const BEGINNING: Duration = Duration::from_secs(3600);
const FOREVER: Duration = Duration::from_secs(1 << 40);

/// A foreign device in one group.
pub struct Foreign<C: MlsConfig> {
    account: Account,
    client: Client<C>,
    leaf: ExtensionList,
    relay: Rc<TestRelay>,
    now: u64,
    made: u8,
    state: Option<State<C>>,
    /// What it read, and from whom.
    pub heard: Vec<String>,
}

struct State<C: MlsConfig> {
    group: Group<C>,
    cursor: Option<u64>,
    opening: Option<Hash>,
    seen: Seen,
    ended: Ended,
    sent: Vec<Hash>,
    removed: bool,
}

/// A new person `name@example.org` with a foreign device, and a key package of it at the relay.
pub fn sign_up(world: &World, name: &str) -> Foreign<impl MlsConfig + use<>> {
    let device_id = DeviceId([0xF0; 16]);
    let (account, entry) = account(&format!("{name}@example.org"), device_id, "mls-rs", world.now);
    world.relay.register(&account.address, entry, device_id);
    let provider = RustCryptoProvider::new();
    let suite = provider.cipher_suite_provider(SUITE).expect("the suite");
    let (secret, public) = suite.signature_key_generate().expect("a signature key");
    let claim = AttestationClaim {
        address: account.address.clone(),
        fingerprint: account.fingerprint,
        device_id,
        signature_key: public.to_vec(),
        ciphersuite: 1,
        created: world.now,
        label: account.device_label.clone(),
    };
    let secret_certificate = account.secret_certificate().expect("a certificate");
    let attestation = attestation::attest(&secret_certificate, claim).expect("an attestation");
    let credential = BasicCredential::new(identity(&account.address, device_id));
    let rules = DefaultMlsRules::new()
        .with_commit_options(CommitOptions::new().with_ratchet_tree_extension(true))
        .with_encryption_options(EncryptionOptions::new(true, PaddingMode::StepFunction));
    let client = Client::builder()
        .identity_provider(BasicIdentityProvider::new())
        .crypto_provider(provider)
        .mls_rules(rules)
        .extension_types([ATTESTATION, CONTEXT])
        .key_package_lifetime(FOREVER)
        .signing_identity(SigningIdentity::new(credential.into_credential(), public), secret, SUITE)
        .build();
    let leaf = ExtensionList::from(vec![Extension::new(ATTESTATION, attestation)]);
    let foreign = Foreign {
        account,
        client,
        leaf,
        relay: world.relay.clone(),
        now: world.now,
        made: 0,
        state: None,
        heard: Vec::new(),
    };
    foreign.publish();
    foreign
}

fn identity(address: &str, device_id: DeviceId) -> Vec<u8> {
    format!("{address}/{}", device_id.to_hex()).into_bytes()
}

fn beginning() -> Option<MlsTime> {
    Some(MlsTime::from_duration_since_epoch(BEGINNING))
}

fn token<C: MlsConfig>(group: &Group<C>) -> EpochToken {
    let secret = group.export_secret(b"haven epoch token", b"", 32).expect("an exporter");
    EpochToken::from_slice(secret.as_bytes()).expect("a token")
}

fn removes_somebody(epoch: &NewEpoch) -> bool {
    epoch.applied_proposals().iter().any(|info| matches!(info.proposal, Proposal::Remove(_)))
}

impl<C: MlsConfig> Foreign<C> {
    /// The person's address.
    pub fn address(&self) -> String {
        self.account.address.clone()
    }

    /// The person's fingerprint, in hex.
    pub fn fingerprint(&self) -> String {
        self.account.fingerprint.to_hex()
    }

    /// The group's epoch and its authenticator.
    pub fn epoch(&self) -> (u64, Vec<u8>) {
        let group = &self.state().group;
        (group.current_epoch(), group.epoch_authenticator().expect("an authenticator").to_vec())
    }

    /// What opens the log now.
    pub fn token(&self) -> EpochToken {
        token(&self.state().group)
    }

    /// Whether it was removed.
    pub fn removed(&self) -> bool {
        self.state().removed
    }

    /// The group context's extensions: the conversation, and what its members must be able to do.
    pub fn context(&self) -> Context {
        let extensions = self.state().group.context().extensions();
        assert_eq!(extensions.len(), 2);
        assert_eq!(extensions.get_as::<RequiredCapabilitiesExt>().expect("readable"), Some(required()));
        let context = extensions.get(CONTEXT).expect("a context");
        haven_wire::decode(&context.extension_data).expect("a context")
    }

    /// The addresses in the tree, each proven by the attestation in its leaf.
    pub fn members(&self) -> Vec<String> {
        let members = self.state().group.roster().members();
        let address = |member: &mls_rs::group::Member| {
            let signing = member.signing_identity();
            let bytes = member.extensions().get(ATTESTATION).expect("an attestation").extension_data;
            let claim = attestation::verify(&bytes, &signing.signature_key, 1).expect("it verifies");
            let credential = signing.credential.as_basic().expect("a basic credential");
            assert_eq!(credential.identifier, identity(&claim.address, claim.device_id));
            claim.address
        };
        members.iter().map(address).collect()
    }

    /// The leaf of a person.
    pub fn leaf_of(&self, person: &str) -> u32 {
        let members = self.state().group.roster().members();
        let place = self.members().iter().position(|address| address == person).expect("a member");
        members[place].index()
    }

    fn state(&self) -> &State<C> {
        self.state.as_ref().expect("a group")
    }

    fn state_mut(&mut self) -> &mut State<C> {
        self.state.as_mut().expect("a group")
    }

    /// Bytes that nothing else has been named by.
    fn fresh<const N: usize>(&mut self) -> [u8; N] {
        self.made += 1;
        let mut bytes = [self.made; N];
        bytes[0] = 0xF0;
        bytes
    }

    async fn call<T: haven_wire::Call>(&self, call: &T, token: Option<EpochToken>) -> T::Reply {
        let device = self.account.device_id;
        let connection = Connection { relay: &self.relay, device, address: &self.account.address };
        connection.call(ORIGIN, call, token).await.expect("answered")
    }

    /// Publishes key packages; an engine that is restarted often claims more than one.
    fn publish(&self) {
        let one_time = (0..10).map(|_| self.key_package()).collect();
        let publish = PublishKeyPackages { suite: 1, one_time, last_resort: None };
        self.relay.publish_for(self.account.device_id, publish);
    }

    /// A key package as the relay holds it: without the head of an MLSMessage.
    fn key_package(&self) -> ByteBuf {
        let made = self.client.generate_key_package_message(
            ExtensionList::default(),
            self.leaf.clone(),
            beginning(),
        );
        ByteBuf::from(&made.and_then(|message| message.to_bytes()).expect("a key package")[4..])
    }

    /// Joins by the only pointer in its inbox.
    pub async fn join(&mut self) {
        let inbox = self.call(&GetInbox { after: 0 }, None).await;
        let [entry] = &inbox.entries[..] else { panic!("{} entries", inbox.entries.len()) };
        let pointer = inbox::open_from_inbox(&self.account.inbox_secret, &entry.sealed).expect("it opens");
        let pointer: Pointed = haven_wire::decode(&pointer).expect("a pointer");
        assert_eq!(pointer.origin, ORIGIN);
        let reply = self.call(&GetWelcome { id: pointer.welcome }, None).await;
        let welcome = MlsMessage::from_bytes(&reply.welcome).expect("a Welcome");
        let now = MlsTime::from_duration_since_epoch(Duration::from_millis(self.now));
        let (group, _) = self.client.join_group(None, &welcome, Some(now)).expect("joined");
        assert_eq!(group.group_id(), pointer.group_id.as_bytes());
        assert_eq!(group.cipher_suite(), SUITE);
        let ended = Ended::since(group.current_epoch());
        self.state = Some(State {
            group,
            cursor: None,
            opening: Some(pointer.commit),
            seen: Seen::opening(&pointer.commit),
            ended,
            sent: Vec::new(),
            removed: false,
        });
        assert_eq!(self.context().origin, ORIGIN);
        self.read().await;
    }

    /// Makes a group with itself alone in it.
    pub fn create(&mut self, title: &str) -> haven_bridge::ConversationId {
        let conversation = self.fresh();
        let context = Context {
            rules: 1,
            conversation: ByteArray::new(conversation),
            origin: ORIGIN.into(),
            title: title.into(),
            admins: vec![self.account.fingerprint],
            knock_key: ByteArray::new(self.fresh()),
            predecessor: None,
        };
        let group_id: [u8; 16] = self.fresh();
        let (extensions, leaf) = (extensions(&context), self.leaf.clone());
        let group = self.client.create_group_with_id(group_id.to_vec(), extensions, leaf, beginning());
        let seen = Seen::opening(&Hash([0; 32]));
        let group = group.expect("a group");
        self.state = Some(State {
            group,
            cursor: Some(0),
            opening: None,
            seen,
            ended: Ended::since(0),
            sent: Vec::new(),
            removed: false,
        });
        haven_bridge::ConversationId(conversation)
    }

    /// Reads the log to its end.
    pub async fn read(&mut self) {
        loop {
            let State { group, cursor, removed, .. } = self.state();
            let group_id = GroupId::from_slice(group.group_id()).expect("sixteen bytes");
            let (epoch, after) = (group.current_epoch(), cursor.unwrap_or_default());
            if *removed {
                return;
            }
            let (wanted, token) = (GetRows { group_id, epoch, after, limit: 100 }, token(group));
            let rows = self.call(&wanted, Some(token)).await.rows;
            if rows.is_empty() {
                return;
            }
            rows.iter().for_each(|row| self.meet(row));
        }
    }

    fn meet(&mut self, row: &Row) {
        let hash = Hash::of(&row.ciphertext);
        let state = self.state_mut();
        if let Some(opening) = state.opening.take() {
            assert_eq!(opening, hash, "the first row is the commit of the Welcome");
            let mark = row.commit.expect("a commit's mark");
            assert_eq!(mark.next_token_hash, token(&state.group).hash());
            state.cursor = Some(row.sequence);
            return;
        }
        assert_eq!(state.cursor.replace(row.sequence), Some(row.sequence - 1), "without gaps");
        if state.sent.contains(&hash) {
            return state.seen.count(&hash);
        }
        let message = MlsMessage::from_bytes(&row.ciphertext).expect("a message");
        assert_eq!(message.wire_format(), WireFormat::PrivateMessage);
        assert_eq!(message.group_id(), Some(state.group.group_id()));
        assert_eq!(message.epoch(), Some(row.epoch));
        match state.group.process_incoming_message(message).expect("it is good") {
            ReceivedMessage::ApplicationMessage(message) => {
                assert_eq!(message.authenticated_data, row.message_id.as_bytes());
                self.hear(message.sender_index, message.data(), &hash);
            }
            ReceivedMessage::Commit(commit) => {
                assert_eq!(commit.authenticated_data, commit_data(row.message_id, &self.state().seen));
                self.follow(&commit.effect, row, &hash);
            }
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, sender: u32, plaintext: &[u8], hash: &Hash) {
        let envelope: Envelope = haven_wire::decode(plaintext).expect("an envelope");
        let text = envelope.content.into_text();
        let members = self.state().group.roster().members();
        let place = members.iter().position(|member| member.index() == sender).expect("a member");
        let from = self.members().swap_remove(place);
        self.heard.push(format!("{from}: {text}"));
        let state = self.state_mut();
        assert_eq!(envelope.seen, state.seen, "both were shown the same log");
        let both = state.ended.both(&envelope.ended);
        assert_eq!(envelope.ended.after(both), state.ended.after(both), "before as well");
        state.seen.count(hash);
    }

    fn follow(&mut self, effect: &CommitEffect, row: &Row, hash: &Hash) {
        let state = self.state_mut();
        let mark = row.commit.expect("a commit's mark");
        match effect {
            CommitEffect::NewEpoch(epoch) => {
                assert_eq!(mark.barrier, removes_somebody(epoch));
                assert_eq!(mark.next_token_hash, token(&state.group).hash());
                state.ended.add(row.epoch, &state.seen);
                state.seen = Seen::opening(hash);
            }
            CommitEffect::Removed { .. } => {
                assert!(mark.barrier);
                state.removed = true;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Writes a text.
    pub async fn say(&mut self, text: &str) {
        let content = Content::text(self.fresh(), text);
        let message_id = MessageId(self.fresh());
        let (time, state) = (self.now, self.state_mut());
        let envelope = Envelope { time, seen: state.seen.clone(), ended: state.ended.clone(), content };
        let plaintext = haven_wire::encode(&envelope).expect("an envelope");
        let message = state.group.encrypt_application_message(&plaintext, message_id.0.to_vec());
        let ciphertext = message.and_then(|message| message.to_bytes()).expect("a message");
        state.sent.push(Hash::of(&ciphertext));
        let append = AppendMessages {
            group_id: GroupId::from_slice(state.group.group_id()).expect("sixteen bytes"),
            epoch: state.group.current_epoch(),
            messages: vec![NewMessage { message_id, ciphertext }],
        };
        let token = self.token();
        self.call(&append, Some(token)).await;
        self.read().await;
    }

    /// Commits with a path and nothing else: new keys for its leaf.
    pub async fn refresh(&mut self) {
        self.commit(&[], false, |builder| builder).await;
    }

    /// Sets the title.
    pub async fn rename(&mut self, title: &str) {
        let extensions = extensions(&Context { title: title.into(), ..self.context() });
        self.commit(&[], false, |builder| builder.set_group_context_ext(extensions).expect("extensions"))
            .await;
    }

    /// Removes a person with one device.
    pub async fn remove(&mut self, person: &str) {
        let leaf = self.leaf_of(person);
        self.commit(&[], true, |builder| builder.remove_member(leaf).expect("a member")).await;
    }

    /// Adds people.
    pub async fn add(&mut self, people: &[String]) {
        let mut claimed = Vec::new();
        for address in people {
            let claim = ClaimKeyPackages { address: address.clone(), suite: 1 };
            let reply = self.call(&claim, None).await;
            let certificate = Certificate::parse(&reply.entry.certificate, self.now).expect("a certificate");
            let list = device_list::verify(&reply.entry.device_list, &certificate).expect("a device list");
            for device in reply.key_packages {
                let inbox_key = list.device(device.device_id).expect("listed").inbox_key.clone();
                claimed.push((device, inbox_key));
            }
        }
        self.commit(&claimed, false, |builder| builder).await;
    }

    /// Commits, and meets the commit in the log like everybody else.
    async fn commit(
        &mut self,
        newcomers: &[(ClaimedKeyPackage, Vec<u8>)],
        barrier: bool,
        change: impl for<'a> FnOnce(CommitBuilder<'a, C>) -> CommitBuilder<'a, C>,
    ) {
        let (message_id, welcome_id) = (MessageId(self.fresh()), WelcomeId(self.fresh()));
        let state = self.state_mut();
        let data = commit_data(message_id, &state.seen);
        let group = &mut state.group;
        let group_id = GroupId::from_slice(group.group_id()).expect("sixteen bytes");
        let (epoch, now) = (group.current_epoch(), token(group));
        let mut builder = group.commit_builder().authenticated_data(data);
        for (device, _) in newcomers {
            let message = MlsMessage::from_bytes(&[&[0, 1, 0, 5], &device.key_package[..]].concat());
            builder = builder.add_member(message.expect("a key package")).expect("an Add");
        }
        let output = change(builder).build().expect("a commit");
        let commit = output.commit_message().to_bytes().expect("bytes");
        let mut next = group.clone();
        next.apply_pending_commit().expect("applied");
        let welcome = output
            .welcome_messages()
            .first()
            .map(|welcome| StoredWelcome { id: welcome_id, welcome: welcome.to_bytes().expect("bytes") });
        let pointed =
            Pointed { origin: ORIGIN.into(), group_id, welcome: welcome_id, commit: Hash::of(&commit) };
        let pointed = haven_wire::encode(&pointed).expect("a pointer");
        let pointer = |(device, inbox_key): &(ClaimedKeyPackage, Vec<u8>)| Pointer {
            inbox: device.device_id,
            sealed: inbox::seal_to_inbox(inbox_key, &pointed).expect("sealed"),
        };
        let mark = CommitMark { next_token_hash: token(&next).hash(), barrier };
        let pointers = newcomers.iter().map(pointer).collect();
        let append = AppendCommit { group_id, epoch, message_id, commit, mark, welcome, pointers };
        self.call(&append, Some(now)).await;
        self.read().await;
    }

    /// Everybody is in one epoch, with one authenticator and one token, and has the same members.
    pub async fn assert_agrees(
        &mut self,
        world: &mut World,
        chat: haven_bridge::ConversationId,
        everybody: &[Who],
    ) {
        world.settle().await;
        self.read().await;
        let mut members = self.members();
        members.sort();
        for who in everybody {
            assert_eq!(world.engine(*who).epoch(chat).await, self.epoch());
            assert_eq!(world.engine(*who).token(chat).0, self.token().0);
            let shown = world.members(*who, chat).await.into_iter().map(|(address, _)| address);
            assert_eq!(shown.collect::<Vec<_>>(), members);
        }
    }
}
