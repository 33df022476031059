//! Own messages: waiting, encrypted, sent, met again in the log.

use super::{
    content::{Content, Envelope},
    records::*,
};
use crate::{
    Error, Millis,
    intent::Accepted,
    memory::{Batch, Conversation, Memory},
    mls::Provider,
};
use haven_bridge::{
    ConversationId, Failure, ItemContent, ItemId, MAX_TEXT, Preview, SendState, TimelineItem,
};
use haven_wire::{
    group::{AppendMessages, NewMessage},
    ids::{Hash, MessageId},
    limits::MAX_APPEND,
};
use openmls::prelude::tls_codec::Serialize as _;
use openmls_basic_credential::SignatureKeyPair;
use openmls_traits::{OpenMlsProvider as _, random::OpenMlsRand as _};
use std::collections::BTreeSet;

/// Bytes of messages that are encrypted ahead of one request.
const MAX_AHEAD: usize = 256 * 1024;
/// A preview's length, in characters.
const PREVIEW: usize = 120;

/// The start of a text, for a preview.
pub fn preview_of(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(PREVIEW).collect()
}

/// A waiting message as an item of the timeline.
pub fn item_of(message: &Outbound, taken: bool) -> TimelineItem {
    let state = match &message.failed {
        Some(failure) => SendState::Failed(failure.clone()),
        None if taken => SendState::Stored,
        None => SendState::Waiting,
    };
    TimelineItem {
        id: ItemId(message.message_id.0),
        position: waiting_position(message.order),
        time: message.time,
        content: ItemContent::Sent { text: message.text.clone(), state },
    }
}

impl Memory {
    /// Keeps what is begun, also if it is too long to be sent.
    pub fn keep_begun(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        text: String,
    ) -> Result<Result<Accepted, Failure>, Error> {
        let limit = 4 * MAX_TEXT;
        if text.len() > limit {
            return Ok(Err(Failure::MessageTooLong { limit: u32::try_from(limit).unwrap_or(u32::MAX) }));
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        if conversation.begun != text {
            batch.begun(id, &text)?;
            conversation.begun = text;
        }
        Ok(Ok(Accepted::Done))
    }

    /// Takes a text in. Its id in the log is the id of the wish, so that a repeated wish is the same message.
    pub fn queue_text(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        message_id: MessageId,
        text: String,
        now: Millis,
    ) -> Result<Result<ItemId, Failure>, Error> {
        let limit = u32::try_from(MAX_TEXT).unwrap_or(u32::MAX);
        if text.len() > MAX_TEXT {
            return Ok(Err(Failure::MessageTooLong { limit }));
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(Err(Failure::NotFound)) };
        if !conversation.details.state.takes_texts() {
            return Ok(Err(conversation.details.state.refusal()));
        }
        if !std::mem::take(&mut conversation.begun).is_empty() {
            batch.begun(id, "")?;
        }
        let order = conversation.head.next_order;
        let preview = Preview::Text { from: None, text: preview_of(&text) };
        let message = Outbound { order, message_id, time: now, text, encrypted: None, failed: None };
        conversation.head.next_order += 1;
        conversation.head.updated = now;
        conversation.head.preview = preview;
        batch.heads.insert(id);
        batch.outbound(id, order, Some(&message))?;
        batch.items.entry(id).or_default().push(item_of(&message, false));
        conversation.outbound.insert(order, message);
        Ok(Ok(ItemId(message_id.0)))
    }

    /// Encrypts what waits, as far as one request carries it. The ciphertexts are stored before they are sent.
    pub fn encrypt_waiting(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        let taken = self.network.lines.get(&id).map(|line| &line.taken);
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        let due = conversation.due(taken);
        let Conversation { group: Some(group), outbound, head, .. } = conversation else { return Ok(()) };
        for order in due {
            let Some(message) = outbound.get_mut(&order).filter(|message| message.encrypted.is_none()) else {
                continue;
            };
            let salt = salt(&self.provider)?;
            let content = Content::text(salt, &message.text);
            let envelope =
                Envelope { time: message.time, seen: head.seen(), ended: head.ended.clone(), content };
            let ciphertext = encrypt(
                &self.provider,
                &self.keys.signer,
                &mut group.mls,
                message.message_id,
                &haven_wire::encode(&envelope)?,
            )?;
            let hash = Hash::of(&ciphertext);
            message.encrypted = Some(Encrypted { epoch: head.epoch, ciphertext, hash });
            batch.outbound(id, order, Some(message))?;
        }
        Ok(())
    }

    /// The request for what is encrypted.
    pub fn append_request(&self, id: ConversationId) -> Option<AppendMessages> {
        let conversation = self.conversations.get(&id)?;
        let taken = self.network.lines.get(&id).map(|line| &line.taken);
        let messages: Vec<NewMessage> = conversation
            .due(taken)
            .into_iter()
            .filter_map(|order| conversation.outbound.get(&order))
            .filter_map(|message| {
                let sent = message.encrypted.as_ref()?;
                Some(NewMessage { message_id: message.message_id, ciphertext: sent.ciphertext.clone() })
            })
            .collect();
        let request = AppendMessages {
            group_id: conversation.details.group_id,
            epoch: conversation.head.epoch,
            messages,
        };
        (!request.messages.is_empty()).then_some(request)
    }

    /// Gives everything up that waits.
    pub fn fail_waiting(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        failure: &Failure,
    ) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get(&id) else { return Ok(()) };
        let waiting = conversation.outbound.values().filter(|message| message.failed.is_none());
        let waiting: Vec<_> = waiting.map(|message| message.message_id).collect();
        self.fail_messages(batch, id, &waiting, failure)
    }

    /// Gives messages up.
    pub fn fail_messages(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        messages: &[MessageId],
        failure: &Failure,
    ) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        for message in conversation.outbound.values_mut().filter(|m| messages.contains(&m.message_id)) {
            message.failed = Some(failure.clone());
            message.encrypted = None;
            batch.outbound(id, message.order, Some(message))?;
            batch.items.entry(id).or_default().push(item_of(message, false));
        }
        Ok(())
    }
}

impl Conversation {
    /// The waiting messages that go into one request, in order, without those that the relay has taken.
    fn due(&self, taken: Option<&BTreeSet<MessageId>>) -> Vec<u64> {
        let mut bytes = 0;
        let is_taken = |message: &Outbound| taken.is_some_and(|taken| taken.contains(&message.message_id));
        let waits = |message: &&Outbound| message.failed.is_none() && !is_taken(message);
        let waiting = self.outbound.values().filter(waits);
        let fitting = waiting.take_while(|message| {
            bytes += message.text.len() + 512;
            bytes <= MAX_AHEAD
        });
        fitting.take(MAX_APPEND).map(|message| message.order).collect()
    }
}

fn salt(provider: &Provider) -> Result<[u8; 16], Error> {
    provider.rand().random_array().map_err(|_| Error::Bug("no randomness"))
}

fn encrypt(
    provider: &Provider,
    signer: &SignatureKeyPair,
    group: &mut openmls::group::MlsGroup,
    id: MessageId,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    group.set_aad(id.0.to_vec());
    let message = group
        .create_message(provider, signer, plaintext)
        .map_err(|_| Error::Bug("a message can't be encrypted"))?;
    message.tls_serialize_detached().map_err(|_| Error::Bug("a message can't be encoded"))
}
