//! Messages of the log: own ones that got their place, and those of others.

use super::{
    content::Envelope,
    lines,
    receive::{Here, Next, member, misbehaved},
    records::*,
    seen::running_hash,
    send::preview_of,
};
use crate::{Error, Millis, identity::AttestationClaim, memory::Conversation};
use haven_bridge::{ItemContent, ItemId, Preview, SendState, TimelineItem, Unreadable};
use haven_wire::{group::Row, ids::Hash};
use openmls::prelude::*;

impl Conversation {
    pub(super) fn process_application(
        &mut self,
        here: &mut Here,
        row: &Row,
        message: ProtocolMessage,
        hash: Hash,
    ) -> Result<Next, Error> {
        self.end_gone(here)?;
        let own = self.outbound.values().find(|m| m.encrypted.as_ref().is_some_and(|sent| sent.hash == hash));
        let next = match own.map(|message| message.order) {
            Some(order) => self.meet_own(here, row, order)?,
            None => self.read(here, row, message)?,
        };
        if let Next::Go = next {
            let running = running_hash(Some(&self.head.running()), &hash);
            self.head.push_hash(running);
        }
        Ok(next)
    }

    /// An own message got its place in the log.
    pub(super) fn meet_own(&mut self, here: &mut Here, row: &Row, order: u64) -> Result<Next, Error> {
        let Some(message) = self.outbound.remove(&order) else { return Ok(Next::Go) };
        if message.message_id != row.message_id {
            return Ok(misbehaved("it changed the id of a message"));
        }
        here.line.taken.remove(&message.message_id);
        here.batch.outbound(self.details.id, order, None)?;
        self.head.has_sent = true;
        let item = TimelineItem {
            id: ItemId(message.message_id.0),
            position: row_position(row.sequence, 0),
            time: message.time,
            content: ItemContent::Sent { text: message.text, state: SendState::Stored },
        };
        here.batch.item(self.details.id, item)?;
        Ok(Next::Go)
    }

    /// Somebody else's message.
    fn read(&mut self, here: &mut Here, row: &Row, message: ProtocolMessage) -> Result<Next, Error> {
        let Some(group) = &mut self.group else {
            return Err(Error::Bug("rows came for a group that isn't loaded"));
        };
        let processed = match group.mls.process_message(here.provider, message) {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(error) => {
                // OpenMLS does not export the error inside, so its text is all there is to tell reuse by.
                let reused = format!("{error:?}").contains("SecretReuse");
                let why = if reused { Unreadable::KeyReused } else { Unreadable::Undecryptable };
                self.show_unreadable(here, row, why)?;
                return Ok(Next::Go);
            }
        };
        if processed.aad() != row.message_id.as_bytes() {
            return Ok(misbehaved("it changed the id of a message"));
        }
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => {
                let claim = member(group, &sender).cloned();
                self.show_message(here, row, claim, &content.into_bytes())?;
            }
            ProcessedMessageContent::OwnPrivateMessage => {
                // This device's state was lost and restored: other messages may have used its next keys already.
                self.head.must_update = true;
                // The restored state may still hold the text, not yet encrypted: it must not be sent again.
                let waiting = self.outbound.values().find(|message| message.message_id == row.message_id);
                if let Some(order) = waiting.map(|message| message.order) {
                    return self.meet_own(here, row, order);
                }
                self.show_unreadable(here, row, Unreadable::Undecryptable)?;
            }
            _ => self.show_unreadable(here, row, Unreadable::Malformed)?,
        }
        Ok(Next::Go)
    }

    fn show_message(
        &mut self,
        here: &mut Here,
        row: &Row,
        claim: Option<AttestationClaim>,
        plaintext: &[u8],
    ) -> Result<(), Error> {
        let (Some(claim), Ok(envelope)) = (claim, haven_wire::decode::<Envelope>(plaintext)) else {
            return self.show_unreadable(here, row, Unreadable::Malformed);
        };
        let disagrees =
            self.head.disagrees_with(&envelope.seen) || self.head.ended.disagrees_with(&envelope.ended);
        let from = lines::person(&claim);
        let (content, preview) = match envelope.content.as_text() {
            Some(text) => (
                ItemContent::Received {
                    from: from.clone(),
                    device: claim.label,
                    text: text.into(),
                    disagrees,
                },
                Preview::Text { from: Some(from), text: preview_of(text) },
            ),
            None => (ItemContent::Unsupported { from }, self.head.preview.clone()),
        };
        self.head.preview = preview;
        self.show_received(
            here,
            row,
            received_id(self.details.group_id, row.message_id),
            envelope.time,
            content,
        )
    }

    fn show_unreadable(&mut self, here: &mut Here, row: &Row, why: Unreadable) -> Result<(), Error> {
        // The row's id is not authenticated: it may be that of a good message, which this must not replace.
        let id = line_id(self.details.group_id, row_position(row.sequence, 0));
        self.show_received(here, row, id, here.now, ItemContent::Unreadable(why))
    }

    fn show_received(
        &mut self,
        here: &mut Here,
        row: &Row,
        id: ItemId,
        time: Millis,
        content: ItemContent,
    ) -> Result<(), Error> {
        self.head.unread += 1;
        self.head.updated = self.head.updated.max(time.min(here.now));
        let position = row_position(row.sequence, 0);
        here.batch.item(self.details.id, TimelineItem { id, position, time, content })
    }
}
