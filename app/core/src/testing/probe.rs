//! What only tests may see of an engine, and what only tests may make: commits and messages that break the rules.

use super::world::{Who, World};
use crate::{
    Engine, Millis,
    chat::{
        content::{Content, Envelope},
        records::{DeviceKeys, Join},
        seen::{CommitData, Ended, Seen, running_hash},
        token::export_token,
    },
    identity::{Account, Fingerprint},
    mls::{Context, Provider, suite},
    store::Store,
};
use haven_bridge::ConversationId;
use haven_wire::{
    group::{AppendCommit, AppendMessages, CommitMark, NewMessage, StoredWelcome},
    ids::{EpochToken, GroupId, Hash, MessageId, WelcomeId},
};
use openmls::prelude::{tls_codec::Serialize as _, *};
use std::collections::BTreeSet;

/// What a commit does.
#[derive(Clone, Debug)]
pub enum Forgery {
    /// Makes the given people admins.
    Admins(Vec<Fingerprint>),
    /// Adds a key package.
    Add(Vec<u8>),
    /// Puts other bytes into the committer's leaf: attestation, and credential.
    Leaf(Vec<u8>, Option<Vec<u8>>),
    /// Takes the required capabilities away.
    NoRequirements,
    /// Refreshes the committer's keys, as anybody may.
    Refresh,
    /// The same, and says nothing of what the committer has seen.
    RefreshUnseen,
    /// The same, and says that the committer has seen no row of the epoch, and another commit before them.
    RefreshAstray,
    /// Removes leaves.
    Remove(Vec<u32>),
    /// Sets a title.
    Title(String),
    /// Says that the rules are of a version.
    Rules(u32),
}

impl<S: Store> Engine<S> {
    /// The epoch of a conversation's group and its authenticator (RFC 9420, section 8.7).
    pub async fn epoch(&mut self, id: ConversationId) -> (u64, Vec<u8>) {
        self.memory.load_group(&self.store, id).await.expect("a stored group");
        let group = self.memory.conversations[&id].group.as_ref().expect("a group");
        (group.mls.epoch().as_u64(), group.mls.epoch_authenticator().as_slice().to_vec())
    }

    /// The public key of this device's leaves.
    pub fn signature_key(&self) -> Vec<u8> {
        self.memory.keys.signer.public().to_vec()
    }

    /// The group that carries a conversation.
    pub fn group_id(&self, id: ConversationId) -> GroupId {
        self.memory.conversations[&id].details.group_id
    }

    /// The leaves of a person.
    pub async fn leaves(&mut self, id: ConversationId, person: &str) -> Vec<u32> {
        self.memory.load_group(&self.store, id).await.expect("a stored group");
        let group = self.memory.conversations[&id].group.as_ref().expect("a group");
        group.members.iter().filter(|(_, claim)| claim.address == person).map(|(leaf, _)| leaf).collect()
    }

    /// What opens a conversation's log now.
    pub fn token(&self, id: ConversationId) -> EpochToken {
        self.memory.conversations[&id].head.token
    }

    /// The key packages whose private keys are here.
    pub fn key_packages(&self) -> usize {
        self.memory.keys.key_packages.len()
    }

    /// Makes a commit without asking the rules. The engine must be restarted after this.
    pub async fn forge(&mut self, id: ConversationId, forgery: &Forgery) -> AppendCommit {
        self.memory.load_group(&self.store, id).await.expect("a stored group");
        let message_id = MessageId(self.memory.random().expect("randomness"));
        let crate::memory::Memory { provider, keys, conversations, .. } = &mut self.memory;
        let conversation = conversations.get_mut(&id).expect("a conversation");
        let group = conversation.group.as_mut().expect("a group");
        let context = |change: &dyn Fn(&mut Context)| {
            let mut context = group.context.clone();
            change(&mut context);
            context.write().expect("a context")
        };
        let extensions = match forgery {
            Forgery::Admins(admins) => Some(context(&|context| context.admins.clone_from(admins))),
            Forgery::Title(title) => Some(context(&|context| context.title.clone_from(title))),
            Forgery::Rules(rules) => Some(context(&|context| context.rules = *rules)),
            Forgery::NoRequirements => Some(Extensions::empty()),
            _ => None,
        };
        let seen = match forgery {
            Forgery::RefreshAstray => Seen { rows: 0, hash: running_hash(None, &Hash([0; 32])) },
            _ => conversation.head.seen(),
        };
        let mut data = CommitData { message_id, seen }.encode();
        if matches!(forgery, Forgery::RefreshUnseen) {
            data.truncate(message_id.as_bytes().len());
        }
        group.mls.set_aad(data);
        let refresh = matches!(forgery, Forgery::Refresh | Forgery::RefreshUnseen | Forgery::RefreshAstray);
        let mut builder = group.mls.commit_builder().force_self_update(refresh);
        match forgery {
            Forgery::Add(bytes) => {
                let parsed = KeyPackageIn::tls_deserialize_exact_bytes(bytes).expect("a key package");
                let added = parsed.validate(provider.crypto(), ProtocolVersion::Mls10).expect("valid");
                builder = builder.propose_adds([added]);
            }
            Forgery::Remove(leaves) => {
                builder = builder.propose_removals(leaves.iter().copied().map(LeafNodeIndex::new));
            }
            Forgery::Leaf(attestation, credential) => {
                let unknown = Extension::Unknown(suite::ATTESTATION, UnknownExtension(attestation.clone()));
                let mut leaf =
                    LeafNodeParameters::builder().with_extensions(Extensions::single(unknown).expect("one"));
                if let Some(identity) = credential {
                    let credential = BasicCredential::new(identity.clone()).into();
                    let signature_key = keys.signer.public().into();
                    leaf = leaf.with_credential_with_key(CredentialWithKey { credential, signature_key });
                }
                builder = builder.leaf_node_parameters(leaf.build()).force_self_update(true);
            }
            _ => {}
        }
        if let Some(extensions) = extensions {
            builder = builder.propose_group_context_extensions(extensions).expect("extensions");
        }
        let bundle = builder
            .load_psks(provider.storage())
            .expect("no psks")
            .create_group_info(false)
            .build(provider.rand(), provider.crypto(), &keys.signer, |_| true)
            .expect("a commit")
            .stage_commit(provider)
            .expect("staged");
        let (commit, welcome, _) = bundle.into_messages();
        let staged = group.mls.pending_commit().expect("pending");
        let token =
            export_token(|label, length| staged.export_secret(provider.crypto(), label, &[], length).ok());
        let welcome = welcome.map(|welcome| StoredWelcome {
            id: WelcomeId([0x77; 32]),
            welcome: welcome.tls_serialize_detached().expect("bytes"),
        });
        AppendCommit {
            group_id: conversation.details.group_id,
            epoch: group.mls.epoch().as_u64(),
            message_id,
            commit: commit.tls_serialize_detached().expect("bytes"),
            mark: CommitMark {
                next_token_hash: token.expect("a token").hash(),
                barrier: matches!(forgery, Forgery::Remove(_)),
            },
            welcome,
            pointers: Vec::new(),
        }
    }

    /// Makes a message of any plaintext. `honest`: with the id of its row inside. The engine must be restarted after
    /// this.
    pub async fn forge_message(
        &mut self,
        id: ConversationId,
        plaintext: &[u8],
        honest: bool,
    ) -> AppendMessages {
        let message_id = MessageId(self.memory.random().expect("randomness"));
        let inside = if honest { message_id } else { MessageId([1; 16]) };
        self.forge_row(id, plaintext, message_id, inside).await
    }

    /// The same with an id of the member's choice.
    pub async fn forge_message_with(
        &mut self,
        id: ConversationId,
        plaintext: &[u8],
        message_id: MessageId,
    ) -> AppendMessages {
        self.forge_row(id, plaintext, message_id, message_id).await
    }

    async fn forge_row(
        &mut self,
        id: ConversationId,
        plaintext: &[u8],
        message_id: MessageId,
        inside: MessageId,
    ) -> AppendMessages {
        self.memory.load_group(&self.store, id).await.expect("a stored group");
        let crate::memory::Memory { provider, keys, conversations, .. } = &mut self.memory;
        let conversation = conversations.get_mut(&id).expect("a conversation");
        let group = conversation.group.as_mut().expect("a group");
        group.mls.set_aad(inside.0.to_vec());
        let message = group.mls.create_message(&*provider, &keys.signer, plaintext).expect("a message");
        let ciphertext = message.tls_serialize_detached().expect("bytes");
        AppendMessages {
            group_id: conversation.details.group_id,
            epoch: group.mls.epoch().as_u64(),
            messages: vec![NewMessage { message_id, ciphertext }],
        }
    }
}

impl World {
    /// The different epochs that devices are in: one, if they agree.
    pub async fn epochs(&mut self, all: &[Who], conversation: ConversationId) -> BTreeSet<(u64, Vec<u8>)> {
        let mut epochs = BTreeSet::new();
        for who in all {
            epochs.insert(self.engine(*who).epoch(conversation).await);
        }
        epochs
    }

    /// A member puts a commit into the log that breaks the rules.
    pub async fn commit_forgery(&mut self, who: Who, id: ConversationId, forgery: &Forgery) {
        let commit = self.engine(who).forge(id, forgery).await;
        self.restart(who).await;
        let token = self.engine(who).token(id);
        self.call_as(who, &commit, token).await.expect("the relay can't judge it");
    }
}

/// A key package of a device. `change` may spoil it.
pub fn key_package(account: &Account, now: Millis, change: impl FnOnce(&mut Forged)) -> Vec<u8> {
    let keys = DeviceKeys::new(account, now).expect("keys");
    let mut forged = Forged {
        identity: keys.credential(account).credential.serialized_content().to_vec(),
        attestation: Some(keys.attestation.clone()),
        capable: true,
        lifetime: (0, u64::MAX),
    };
    change(&mut forged);
    let extensions = match forged.attestation {
        Some(bytes) => Extensions::single(Extension::Unknown(suite::ATTESTATION, UnknownExtension(bytes))),
        None => Ok(Extensions::empty()),
    };
    let credential = CredentialWithKey {
        credential: BasicCredential::new(forged.identity).into(),
        signature_key: keys.signer.public().into(),
    };
    let all = suite::capabilities();
    let few = Capabilities::builder()
        .ciphersuites(vec![suite::SUITE])
        .extensions(vec![ExtensionType::Unknown(suite::ATTESTATION)])
        .credentials(vec![CredentialType::Basic])
        .build();
    let provider = Provider::default();
    let bundle = KeyPackage::builder()
        .leaf_node_capabilities(if forged.capable { all } else { few })
        .leaf_node_extensions(extensions.expect("one extension"))
        .key_package_lifetime(Lifetime::init(forged.lifetime.0, forged.lifetime.1))
        .build(suite::SUITE, &provider, &keys.signer, credential)
        .expect("a key package");
    bundle.key_package().tls_serialize_detached().expect("bytes")
}

/// What a key package says.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The credential's identity.
    pub identity: Vec<u8>,
    /// The attestation.
    pub attestation: Option<Vec<u8>>,
    /// Whether it lists what groups require.
    pub capable: bool,
    /// Not before, and not after.
    pub lifetime: (u64, u64),
}

/// The plaintext of a message, from somebody who has seen no row since the commit with the hash `opening`.
pub fn envelope(time: Millis, opening: &Hash, text: &str) -> Vec<u8> {
    let seen = Seen { rows: 0, hash: running_hash(None, opening) };
    let envelope = Envelope { time, seen, ended: Ended::default(), content: Content::text([5; 16], text) };
    haven_wire::encode(&envelope).expect("an envelope")
}

/// The plaintext of an inbox entry.
pub fn pointer(origin: &str, group_id: GroupId, welcome: WelcomeId, commit: Hash) -> Vec<u8> {
    haven_wire::encode(&Join { origin: origin.into(), group_id, welcome, commit }).expect("a pointer")
}
