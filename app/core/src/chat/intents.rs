//! What a person wants done, taken in: safe on this device when the verb ends, and done without further asking.

use super::records::*;
use crate::{
    Error, Millis,
    identity::{Fingerprint, address},
    intent::{Accepted, Intent},
    memory::{Answer, Batch, Memory},
    mls::MAX_TITLE,
    store::Table,
};
use haven_bridge::{ConversationId, Event, Failure, IntentId, ItemId, RequestAnswer};
use haven_wire::ids::MessageId;

/// People in one wish.
const MAX_ADDRESSES: usize = 1000;

/// How an intent ended: outer errors undo the whole verb, inner ones are told to the person.
type Outcome = Result<Result<Accepted, Failure>, Error>;

impl Memory {
    /// Takes one intent in, or repeats the answer that it got before.
    pub fn take_in(
        &mut self,
        batch: &mut Batch,
        id: IntentId,
        intent: Intent,
        unread: Option<u32>,
        now: Millis,
    ) -> Outcome {
        if let Some(answer) = self.intents.get(&id).cloned() {
            if let Intent::SendText { conversation, text } = &intent
                && self.conversations.get(conversation).is_some_and(|c| text.starts_with(c.begun.trim_end()))
            {
                // Kept as begun once more, when what a tab had wanted was repeated to the next leader.
                self.keep_begun(batch, *conversation, String::new())?.ok();
            }
            return Ok(match answer {
                Answer::Done => Ok(Accepted::Done),
                Answer::Started(id) => Ok(Accepted::Started(ConversationId(id))),
                Answer::Queued(id) => Ok(Accepted::Queued(ItemId(id))),
                Answer::Failed(failure) => Err(failure),
            });
        }
        // What says how a thing is, and is the same when it is said again, needs no memory.
        let lasting = !matches!(
            intent,
            Intent::MarkRead { .. }
                | Intent::KeepBegun { .. }
                | Intent::SaveDraft { .. }
                | Intent::AttachFile { .. }
        );
        let outcome = self.carry_out(batch, id, intent, unread, now)?;
        if lasting {
            let answer = match &outcome {
                Ok(Accepted::Done) => Answer::Done,
                Ok(Accepted::Started(id)) => Answer::Started(id.0),
                Ok(Accepted::Queued(id)) => Answer::Queued(id.0),
                Err(failure) => Answer::Failed(failure.clone()),
            };
            // A refused wish may be made good and repeated under its own id, so it is not remembered.
            if outcome.is_ok() {
                self.intents.insert(id, answer.clone());
                batch.answers.push((id, answer));
            }
        }
        Ok(outcome)
    }

    fn carry_out(
        &mut self,
        batch: &mut Batch,
        id: IntentId,
        intent: Intent,
        unread: Option<u32>,
        now: Millis,
    ) -> Outcome {
        match intent {
            Intent::AcceptChange { address, fingerprint } => {
                self.accept_change(batch, &address, &fingerprint)
            }
            Intent::AddPeople { conversation, addresses } => self.add_people(batch, conversation, addresses),
            Intent::AnswerRequest { conversation, answer } => {
                self.answer_request(batch, conversation, answer)
            }
            Intent::AttachFile { .. }
            | Intent::BackToDrafts { .. }
            | Intent::DeleteMail { .. }
            | Intent::DiscardDraft { .. }
            | Intent::MarkMail { .. }
            | Intent::MoveMail { .. }
            | Intent::RetryMail { .. }
            | Intent::SaveDraft { .. }
            | Intent::SawRefusedMail
            | Intent::SendMail { .. }
            | Intent::AddKey { .. }
            | Intent::Verify { .. } => self.mail_intent(batch, id, intent, now),
            Intent::Discard { conversation, item } => self.discard(batch, conversation, item),
            Intent::KeepBegun { conversation, text } => self.keep_begun(batch, conversation, text),
            Intent::MarkRead { conversation, .. } => self.mark_read(batch, conversation, unread),
            Intent::RemovePeople { conversation, fingerprints } => {
                let people =
                    fingerprints.iter().map(|hex| Fingerprint::from_hex(hex)).collect::<Option<Vec<_>>>();
                let Some(remove) = people else { return Ok(Err(Failure::NotFound)) };
                self.change(batch, conversation, |change| change.remove = remove)
            }
            Intent::Rename { conversation, title } => self.rename(batch, conversation, title),
            Intent::Retry { conversation, item } => self.retry(batch, conversation, item, now),
            Intent::RevokeKey => Ok(self.revoke_key(batch, now).map(|()| Ok(Accepted::Done))?),
            Intent::SelfUpdate { conversation } => {
                self.change(batch, conversation, |change| change.refresh = true)
            }
            Intent::SendText { conversation, text } => {
                let queued = self.queue_text(batch, conversation, MessageId(id.0), text, now)?;
                Ok(queued.map(Accepted::Queued))
            }
            Intent::StartConversation { addresses, title } => self.start(batch, addresses, title, now),
            Intent::Unblock { fingerprint } => self.unblock(batch, &fingerprint),
        }
    }

    /// Addresses in their normal form; one without a domain is of one's own relay. Oneself is left out.
    fn normal(&self, addresses: Vec<String>) -> Result<Vec<String>, Failure> {
        let own_domain = address::domain(&self.account.address).unwrap_or_default();
        let mut normal = Vec::new();
        for written in addresses {
            let whole =
                if written.contains('@') { written } else { format!("{}@{own_domain}", written.trim()) };
            let one = address::normalise(&whole).map_err(|_| Failure::AddressInvalid)?;
            if address::domain(&one).unwrap_or_default() != own_domain {
                // Other relays can't be reached yet, so nobody there can be found.
                return Err(Failure::AddressUnknown { address: one });
            }
            if one != self.account.address && !normal.contains(&one) {
                normal.push(one);
            }
        }
        match normal.len() {
            0 => Err(Failure::AddressInvalid),
            1..=MAX_ADDRESSES => Ok(normal),
            _ => Err(Failure::TooManyPeople { limit: MAX_ADDRESSES as u32 }),
        }
    }

    fn start(
        &mut self,
        batch: &mut Batch,
        addresses: Vec<String>,
        title: Option<String>,
        now: Millis,
    ) -> Outcome {
        let addresses = match self.normal(addresses) {
            Ok(addresses) => addresses,
            Err(failure) => return Ok(Err(failure)),
        };
        let title = match clean_title(&title.unwrap_or_default()) {
            Ok(title) => title,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(Ok(Accepted::Started(self.start_conversation(batch, addresses, title, now)?)))
    }

    fn add_people(&mut self, batch: &mut Batch, id: ConversationId, addresses: Vec<String>) -> Outcome {
        match self.normal(addresses) {
            // One job for each, so that one who can't be added keeps nobody else out.
            Ok(addresses) => {
                for address in addresses {
                    if let Err(failure) = self.change(batch, id, |change| change.add = vec![address])? {
                        return Ok(Err(failure));
                    }
                }
                Ok(Ok(Accepted::Done))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn rename(&mut self, batch: &mut Batch, id: ConversationId, title: String) -> Outcome {
        match clean_title(&title) {
            Ok(title) => self.change(batch, id, |change| change.title = Some(title)),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Adds a job that changes a conversation's group.
    pub fn change(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        set: impl FnOnce(&mut Change),
    ) -> Outcome {
        match self.conversations.get(&id).map(|c| &c.details.state) {
            Some(State::Active) => {}
            Some(state) => return Ok(Err(state.refusal())),
            None => return Ok(Err(Failure::NotFound)),
        }
        let mut change = Change { conversation: id.0, ..Change::default() };
        set(&mut change);
        self.add_job(batch, Task::Change(change))?;
        Ok(Ok(Accepted::Done))
    }

    fn answer_request(&mut self, batch: &mut Batch, id: ConversationId, answer: RequestAnswer) -> Outcome {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        let State::Request(from) = conversation.details.state.clone() else {
            return Ok(Err(Failure::NotFound));
        };
        if answer == RequestAnswer::Accept {
            let known =
                |contact: &&Contact| contact.address == from.address && contact.pinned && !contact.replaced;
            let pinned = self.contacts.values().find(known).map(|contact| contact.fingerprint);
            if pinned.is_some_and(|pinned| pinned != from.fingerprint) {
                let fingerprint = from.fingerprint.to_hex();
                return Ok(Err(Failure::CertificateChanged { address: from.address, fingerprint }));
            }
            conversation.details.state = State::Active;
            conversation.details.before = None;
            conversation.head.unread = 0;
            batch.details.insert(id);
            batch.heads.insert(id);
            self.pin(batch, &from, None)?;
            self.suspect_unlisted(batch, id)?;
            self.refresh_keys(batch, id, self.network.now)?;
            return Ok(Ok(Accepted::Done));
        }
        self.end_request(batch, id)?;
        if answer == RequestAnswer::Block {
            self.set_blocked(batch, &from, true)?;
        }
        Ok(Ok(Accepted::Done))
    }

    /// A request leaves nothing behind. If it asked to come back into a conversation, that is as it was: who adds somebody
    /// again changes and deletes nothing of theirs.
    pub fn end_request(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        use openmls_traits::OpenMlsProvider as _;
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        let Some(before) = conversation.details.before.take() else { return self.forget(batch, id) };
        if let Some(mut group) = conversation.group.take() {
            group.mls.delete(self.provider.storage())?;
        }
        let next_line = conversation.head.next_line;
        (conversation.details, conversation.head) = *before;
        conversation.head.next_line = next_line;
        batch.details.insert(id);
        batch.heads.insert(id);
        batch.items.remove(&id);
        let last = conversation.head.cursor.map(|cursor| row_position(cursor, u8::MAX));
        batch.forgotten.extend(last.map(|last| (id, Some(last))));
        batch.events.push(Event::ConversationRemoved(id));
        self.network.to_sweep = true;
        self.network.forget_line(id);
        Ok(())
    }

    /// Deletes a conversation from this device.
    fn forget(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        use openmls_traits::OpenMlsProvider as _;
        let Some(conversation) = self.conversations.remove(&id) else { return Ok(()) };
        if let Some(mut group) = conversation.group {
            group.mls.delete(self.provider.storage())?;
        }
        for table in [&b"details"[..], b"head", b"pending", b"begun"] {
            batch.put::<()>(Table::Conversations, table, id.0.to_vec(), None)?;
        }
        for order in conversation.outbound.into_keys() {
            batch.outbound(id, order, None)?;
        }
        batch.forgotten.push((id, None));
        batch.events.push(Event::ConversationRemoved(id));
        self.network.to_sweep = true;
        self.network.forget_line(id);
        let group = conversation.details.group_id;
        let known = &mut self.account.vault.conversations;
        let before = known.len();
        known.retain(|noted| noted.group_id != group);
        if known.len() == before { Ok(()) } else { self.vault_changed(batch) }
    }

    /// From now on this certificate is the one of this address.
    pub fn pin(
        &mut self,
        batch: &mut Batch,
        person: &PersonRecord,
        device_list: Option<(u64, haven_wire::ids::Hash)>,
    ) -> Result<(), Error> {
        let contact = self.contacts.entry(person.fingerprint).or_insert_with(|| Contact::new(person));
        let device_list = device_list.or(contact.device_list);
        if !contact.pinned || contact.device_list != device_list {
            let news = !contact.pinned;
            contact.pin(self.network.now);
            contact.device_list = device_list;
            batch.contact(contact)?;
            batch.events.push(Event::People);
            if news {
                self.person_changed(batch, person.fingerprint)?;
            }
        }
        Ok(())
    }

    fn set_blocked(&mut self, batch: &mut Batch, person: &PersonRecord, blocked: bool) -> Result<(), Error> {
        let contact = self.contacts.entry(person.fingerprint).or_insert_with(|| Contact::new(person));
        contact.blocked = blocked;
        batch.events.push(Event::People);
        self.person_changed(batch, person.fingerprint)
    }

    fn unblock(&mut self, batch: &mut Batch, fingerprint: &str) -> Outcome {
        let found =
            Fingerprint::from_hex(fingerprint).and_then(|fingerprint| self.contacts.get(&fingerprint));
        let Some(contact) = found else { return Ok(Err(Failure::NotFound)) };
        let person = PersonRecord { fingerprint: contact.fingerprint, address: contact.address.clone() };
        self.set_blocked(batch, &person, false)?;
        Ok(Ok(Accepted::Done))
    }

    fn accept_change(&mut self, batch: &mut Batch, address: &str, fingerprint: &str) -> Outcome {
        let Some(fingerprint) = Fingerprint::from_hex(fingerprint) else { return Ok(Err(Failure::NotFound)) };
        let mut others = Vec::new();
        for contact in
            self.contacts.values_mut().filter(|c| c.address == address && c.fingerprint != fingerprint)
        {
            contact.replaced = true;
            contact.verified = None;
            others.push(contact.fingerprint);
        }
        for other in others {
            self.person_changed(batch, other)?;
        }
        if let Some(contact) = self.contacts.get_mut(&fingerprint) {
            contact.replaced = false;
            contact.pinned = false;
        }
        self.pin(batch, &PersonRecord { fingerprint, address: address.into() }, None)?;
        Ok(Ok(Accepted::Done))
    }

    fn retry(&mut self, batch: &mut Batch, id: ConversationId, item: Option<ItemId>, now: Millis) -> Outcome {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        let Some(item) = item else {
            let State::StartFailed(_) = conversation.details.state else { return Ok(Err(Failure::NotFound)) };
            conversation.details.state = State::Starting;
            let add = conversation.details.people.iter().map(|person| person.address.clone()).collect();
            batch.details.insert(id);
            let change = Change { conversation: id.0, start: true, add, ..Change::default() };
            self.add_job(batch, Task::Change(change))?;
            return Ok(Ok(Accepted::Done));
        };
        let Some(message) = conversation.outbound.values_mut().find(|m| m.message_id.0 == item.0) else {
            return Ok(Err(Failure::NotFound));
        };
        if !conversation.details.state.takes_texts() {
            return Ok(Err(conversation.details.state.refusal()));
        }
        message.failed = None;
        message.time = now;
        let message = message.clone();
        batch.outbound(id, message.order, Some(&message))?;
        batch.items.entry(id).or_default().push(super::send::item_of(&message, false));
        Ok(Ok(Accepted::Done))
    }

    fn discard(&mut self, batch: &mut Batch, id: ConversationId, item: ItemId) -> Outcome {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        let failed = conversation.outbound.values().find(|m| m.message_id.0 == item.0 && m.failed.is_some());
        let Some(order) = failed.map(|message| message.order) else { return Ok(Err(Failure::NotFound)) };
        conversation.outbound.remove(&order);
        batch.outbound(id, order, None)?;
        batch.removed_items.entry(id).or_default().push(item);
        Ok(Ok(Accepted::Done))
    }

    fn mark_read(&mut self, batch: &mut Batch, id: ConversationId, unread: Option<u32>) -> Outcome {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        if let Some(unread) = unread.filter(|unread| *unread < conversation.head.unread) {
            conversation.head.unread = unread;
            batch.heads.insert(id);
        }
        Ok(Ok(Accepted::Done))
    }
}

fn clean_title(title: &str) -> Result<String, Failure> {
    let title = title.trim();
    if title.len() > MAX_TITLE || title.chars().any(char::is_control) {
        return Err(Failure::TitleInvalid { limit: MAX_TITLE as u32 });
    }
    Ok(title.into())
}
