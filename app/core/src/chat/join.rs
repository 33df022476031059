//! Joining the group of a Welcome.
//!
//! A Welcome is opened with a provider of its own, and everything is checked, before anything in memory changes: with it
//! goes the key package that OpenMLS used up, if a check fails.

use super::{
    lines,
    records::*,
    seen::{Ended, running_hash},
};
use crate::{
    Error, Millis,
    memory::{Batch, Conversation, Group, Memory},
    mls::{Context, Members, Provider, suite},
};
use haven_bridge::{ConversationId, Event, Line, Preview};
use haven_wire::{ids::GroupId, limits};
use openmls::prelude::{tls_codec::DeserializeBytes as _, *};

/// Requests from unknown people that wait for an answer, in all and from one person. More are dropped.
const MAX_REQUESTS: usize = 100;
const MAX_REQUESTS_OF_ONE: usize = 5;

/// Reads a Welcome.
pub fn read_welcome(bytes: &[u8]) -> Result<Welcome, Error> {
    let malformed = || Error::PeerMisbehaved("a Welcome is malformed".into());
    if bytes.len() > limits::MAX_COMMIT {
        return Err(malformed());
    }
    let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(|_| malformed())?;
    match message.extract() {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(malformed()),
    }
}

/// A Welcome that this device has no key for.
pub fn not_addressed() -> Error {
    Error::PeerMisbehaved("a Welcome is for no key package of this device".into())
}

impl Memory {
    /// Joins the group of an opened Welcome, as what it was admitted to be.
    pub fn join(
        &mut self,
        batch: &mut Batch,
        job: u64,
        key_package: &OwnKeyPackage,
        group: (Group, AttestationOfSender),
        conversation: Option<(ConversationId, Conversation)>,
    ) -> Result<(), Error> {
        self.end_job(batch, job)?;
        self.use_up(batch, key_package)?;
        let Some((id, conversation)) = conversation else {
            // Nothing of it is kept: OpenMLS's values go with it.
            let mut mls = group.0.mls;
            use openmls_traits::OpenMlsProvider as _;
            return Ok(mls.delete(self.provider.storage())?);
        };
        self.enter(batch, id, conversation, group)
    }

    /// The conversation of a group that this device is in: it follows no other Welcome to it. It is not in one that
    /// stopped before its first row: whoever knows a group's id can send a Welcome to a group that nobody else has.
    pub fn held(&self, group_id: GroupId) -> Option<ConversationId> {
        let left = |conversation: &Conversation| match conversation.details.state {
            State::Removed => true,
            State::Stopped(_) => conversation.head.cursor.is_none(),
            _ => false,
        };
        let mut all = self.conversations.values();
        let held = all.find(|c| c.details.group_id == group_id && !left(c));
        held.map(|conversation| conversation.details.id)
    }

    /// Tells, once a day, that somebody's Welcome was not followed.
    pub fn tell_welcome_refused(&mut self, batch: &mut Batch, now: Millis) {
        let told = &mut self.network.welcome_refused;
        if told.is_none_or(|told| !(told..told + DAY).contains(&now)) {
            *told = Some(now);
            batch.events.push(Event::WelcomeRefused);
        }
    }

    /// A Welcome to a group that is held is refused unopened, so nobody knows who sent it; whoever knows the group's
    /// id can, and any number of them. It is said once in an epoch: outsiders can't begin one, and a member that
    /// does so again and again could as well write.
    pub fn refuse_second_welcome(
        &mut self,
        batch: &mut Batch,
        job: u64,
        id: ConversationId,
        now: Millis,
    ) -> Result<(), Error> {
        self.end_job(batch, job)?;
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        let said = conversation.head.second_welcome.replace(conversation.head.epoch);
        if said == Some(conversation.head.epoch) {
            return Ok(());
        }
        conversation.add_line(batch, Line::SecondWelcome, now)
    }

    /// Opens a Welcome and checks all that is in it. The provider holds the key package, and the group if it is known.
    pub fn open_welcome(
        &self,
        provider: &Provider,
        join: &Join,
        welcome: Welcome,
    ) -> Result<(Group, AttestationOfSender), Error> {
        let refused = |what: &str| Error::PeerMisbehaved(format!("a Welcome can't be followed: {what}"));
        let replace = self.conversations.values().any(|c| c.details.group_id == join.group_id);
        let builder = StagedWelcome::build_from_welcome(provider, &suite::join_config(), welcome)
            .map_err(|_| refused("it does not open"))?
            .skip_lifetime_validation();
        let builder = if replace { builder.replace_old_group() } else { builder };
        let staged = builder.build().map_err(|_| refused("its tree is wrong"))?;
        let sender = staged.welcome_sender_index();
        let mls = staged.into_group(provider).map_err(|_| refused("its group is wrong"))?;
        if mls.group_id().as_slice() != join.group_id.as_bytes() {
            return Err(refused("it is for another group"));
        }
        let members = Members::verify_all(&mls)?;
        let context = Context::read(mls.extensions())?;
        if context.origin != join.origin {
            return Err(refused("it names another relay"));
        }
        let sender = members.get(sender).cloned().ok_or_else(|| refused("nobody sent it"))?;
        Ok((Group { mls, members, context }, sender))
    }

    /// Decides what a joined group becomes here: a conversation, a request, or nothing.
    pub fn admit(
        &self,
        provider: &Provider,
        join: &Join,
        (group, sender): &(Group, AttestationOfSender),
        now: Millis,
    ) -> Result<Option<(ConversationId, Conversation)>, Error> {
        let id = ConversationId(group.context.conversation);
        let known_elsewhere =
            self.conversations.get(&id).is_some_and(|c| c.details.group_id != join.group_id);
        if known_elsewhere {
            return Err(Error::PeerMisbehaved(
                "a Welcome claims a conversation that has another group".into(),
            ));
        }
        let contact = self.contacts.get(&sender.fingerprint);
        if contact.is_some_and(|contact| contact.blocked) {
            return Ok(None);
        }
        let known = sender.fingerprint == self.account.fingerprint
            || contact.is_some_and(|contact| contact.pinned && !contact.replaced)
            || self.was_together(id, sender);
        let from = PersonRecord { fingerprint: sender.fingerprint, address: sender.address.clone() };
        if !known && self.too_many_requests(&from) {
            return Ok(None);
        }
        let state = if known { State::Active } else { State::Request(from) };
        let details = Details {
            id,
            origin: join.origin.clone(),
            group_id: join.group_id,
            state,
            title: String::new(),
            people: Vec::new(),
            people_count: 0,
            leaves: 0,
            before: None,
        };
        let head = Head {
            cursor: None,
            epoch: group.mls.epoch().as_u64(),
            token: group.token(provider)?,
            rows: 0,
            hashes: vec![serde_bytes::ByteArray::new(running_hash(None, &join.commit))],
            opening: Some(join.commit),
            must_update: false,
            // The path secrets above this leaf are the inviter's: due after the first own message.
            updated_keys: 0,
            has_sent: false,
            next_order: 0,
            next_line: 0,
            unread: 1,
            updated: now,
            preview: Preview::Empty,
            second_welcome: None,
            complete: now,
            gone: None,
            has_holes: false,
            ended: Ended::since(group.mls.epoch().as_u64()),
        };
        Ok(Some((id, Conversation::new(details, head))))
    }

    /// Whether somebody was a member of a conversation when this device was removed from it.
    fn was_together(&self, id: ConversationId, person: &AttestationOfSender) -> bool {
        let removed = self.conversations.get(&id).filter(|c| c.details.state == State::Removed);
        let group = removed.and_then(|conversation| conversation.group.as_ref());
        let mut people = group.into_iter().flat_map(|group| group.members.people());
        people.any(|(fingerprint, _)| fingerprint == person.fingerprint)
    }

    fn too_many_requests(&self, from: &PersonRecord) -> bool {
        let requests =
            self.conversations.values().filter_map(|conversation| match &conversation.details.state {
                State::Request(person) => Some(person.fingerprint),
                _ => None,
            });
        let (mut all, mut of_one) = (0, 0);
        for fingerprint in requests {
            all += 1;
            of_one += usize::from(fingerprint == from.fingerprint);
        }
        all >= MAX_REQUESTS || of_one >= MAX_REQUESTS_OF_ONE
    }

    /// Shows the conversation.
    fn enter(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        mut conversation: Conversation,
        (group, sender): (Group, AttestationOfSender),
    ) -> Result<(), Error> {
        if let Some(before) = self.conversations.remove(&id) {
            conversation.head.next_order = before.head.next_order;
            conversation.head.unread += before.head.unread;
            conversation.head.next_line = before.head.next_line;
            conversation.outbound = before.outbound;
            conversation.begun = before.begun;
            if let State::Request(_) = conversation.details.state {
                conversation.details.before = Some(Box::new((before.details, before.head)));
            }
        }
        let followed = conversation.details.state == State::Active;
        let own = sender.fingerprint == self.account.fingerprint;
        let line = if own {
            Line::DeviceAdded { who: None, device: self.account.device_label.clone() }
        } else {
            Line::YouWereAdded { by: lines::person(&sender) }
        };
        conversation.group = Some(group);
        conversation.describe();
        // The line gets its place in the timeline when the first row is met: only then its place in the log is known.
        conversation.head.preview = Preview::Line(line);
        batch.details.insert(id);
        batch.heads.insert(id);
        self.network.forget_line(id);
        self.conversations.insert(id, conversation);
        if followed {
            self.suspect_unlisted(batch, id)?;
        }
        self.note_in_vault(batch, id)
    }

    fn use_up(&mut self, batch: &mut Batch, used: &OwnKeyPackage) -> Result<(), Error> {
        if !used.last_resort {
            self.keys.key_packages.retain(|own| own.reference != used.reference);
        }
        self.network.key_packages_due = true;
        batch.put(crate::store::Table::Meta, b"device", Vec::new(), Some(&self.keys))
    }
}

pub type AttestationOfSender = crate::identity::AttestationClaim;
