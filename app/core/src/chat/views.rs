//! What the page sees.

use super::{
    records::{Contact, PersonRecord, State},
    send::item_of,
};
use crate::{
    Error,
    identity::Fingerprint,
    memory::{Conversation, Memory},
};
use haven_bridge::*;

impl From<&PersonRecord> for PersonRef {
    fn from(person: &PersonRecord) -> Self {
        Self { address: person.address.clone(), fingerprint: person.fingerprint.to_hex() }
    }
}

impl Memory {
    /// A row of the list of conversations.
    pub fn summary(&self, conversation: &Conversation) -> ConversationSummary {
        let details = &conversation.details;
        let titled = !details.title.is_empty();
        ConversationSummary {
            id: details.id,
            title: if titled { details.title.clone() } else { names(details) },
            titled,
            people: details.people.iter().map(PersonRef::from).collect(),
            state: state(&details.state),
            preview: conversation.head.preview.clone(),
            updated: conversation.head.updated,
            unread: conversation.head.unread,
        }
    }

    /// All conversations, newest first.
    pub fn summaries(&self) -> Vec<ConversationSummary> {
        let mut summaries: Vec<_> = self.conversations.values().map(|c| self.summary(c)).collect();
        summaries.sort_by_key(|summary| std::cmp::Reverse(summary.updated));
        summaries
    }

    /// A conversation with its members. Its group must be loaded.
    pub fn details(&self, id: ConversationId) -> Option<ConversationDetails> {
        let conversation = self.conversations.get(&id)?;
        let members = match &conversation.group {
            Some(group) => {
                let people = group.members.people();
                let member = |(fingerprint, address): (Fingerprint, &str)| {
                    let devices = group.members.iter().filter(|(_, claim)| claim.fingerprint == fingerprint);
                    let devices = devices.map(|(_, claim)| claim.label.clone()).collect();
                    self.member(PersonRecord { fingerprint, address: address.into() }, devices)
                };
                people.into_iter().map(member).collect()
            }
            None => conversation.details.people.iter().map(|p| self.member(p.clone(), Vec::new())).collect(),
        };
        Some(ConversationDetails { summary: self.summary(conversation), members })
    }

    fn member(&self, person: PersonRecord, devices: Vec<String>) -> Member {
        let me = person.fingerprint == self.account.fingerprint;
        let trust = if me { Trust::Pinned } else { self.trust(&person) };
        Member { person: PersonRef::from(&person), me, trust, devices }
    }

    /// What is known of a person's certificate.
    pub fn trust(&self, person: &PersonRecord) -> Trust {
        let pinned =
            |contact: &&Contact| contact.address == person.address && contact.pinned && !contact.replaced;
        if self.contacts.get(&person.fingerprint).is_some_and(|contact| contact.replaced) {
            return Trust::Replaced;
        }
        match self.contacts.values().find(pinned) {
            Some(contact) if contact.fingerprint == person.fingerprint && contact.verified.is_some() => {
                Trust::Verified
            }
            Some(contact) if contact.fingerprint == person.fingerprint => Trust::Pinned,
            Some(_) => Trust::Changed,
            None => Trust::Claimed,
        }
    }

    /// Own messages that are not in the log yet, oldest first.
    pub fn waiting_items(&self, id: ConversationId) -> Vec<TimelineItem> {
        let Some(conversation) = self.conversations.get(&id) else { return Vec::new() };
        let taken = self.network.lines.get(&id).map(|line| &line.taken);
        let is_taken = |message_id| taken.is_some_and(|taken| taken.contains(message_id));
        conversation
            .outbound
            .values()
            .map(|message| item_of(message, is_taken(&message.message_id)))
            .collect()
    }

    /// Who is signed in.
    pub fn me(&self) -> Result<Me, Error> {
        let own = self.account.secret_certificate()?;
        Ok(Me {
            key_expires: own.expires(self.network.now),
            key_revoked: own.revoked(self.network.now),
            address: self.account.address.clone(),
            fingerprint: self.account.fingerprint.grouped(),
            recovery_confirmed: self.account.vault.recovery_confirmed,
            device_label: self.account.device_label.clone(),
        })
    }
}

fn names(details: &super::records::Details) -> String {
    let mut names =
        details.people.iter().map(|person| person.address.as_str()).collect::<Vec<_>>().join(", ");
    let more = usize::try_from(details.people_count).unwrap_or(0).saturating_sub(details.people.len());
    if more > 0 {
        names.push_str(&format!(" +{more}"));
    }
    names
}

fn state(state: &State) -> ConversationState {
    match state {
        State::Starting => ConversationState::Starting,
        State::StartFailed(failure) => ConversationState::StartFailed(failure.clone()),
        State::Request(from) => ConversationState::Request { from: PersonRef::from(from) },
        State::Active => ConversationState::Active,
        State::Stopped(reason) => ConversationState::Stopped(reason.clone()),
        State::Removed => ConversationState::Removed,
    }
}
