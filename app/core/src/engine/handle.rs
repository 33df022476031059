//! What a person wants, taken in: all intents of a batch in one write set, or each in its own when one of them meets
//! a defect.

use super::Engine;
use crate::{
    Error, Millis,
    intent::{Accepted, Intent},
    memory::{Batch, Memory},
    store::Store,
};
use haven_bridge::{ConversationId, Event, Failure, IntentId, ItemId, TimelineItem};

/// What became of a batch of intents.
#[derive(Debug)]
pub struct Handled {
    /// One answer for each intent.
    pub results: Vec<Result<Accepted, Failure>>,
    /// What to show.
    pub events: Vec<Event>,
}

impl<S: Store> Engine<S> {
    /// Takes intents in: all of them in one write set.
    pub async fn handle(&mut self, intents: Vec<(IntentId, Intent)>, now: Millis) -> Result<Handled, Error> {
        self.refresh(now).await?;
        let mut prepared = Vec::new();
        for (id, intent) in intents {
            let unread = self.prepare(&intent).await?;
            prepared.push((id, intent, unread));
        }
        let all = prepared.clone();
        let together = self.take_in_all(all, now).await;
        match together {
            Err(Error::Store(error)) => Err(Error::Store(error)),
            Err(_) if prepared.len() > 1 => self.take_in_singly(prepared, now).await,
            Err(error) => Ok(Handled { results: vec![Err(error.into())], events: Vec::new() }),
            Ok(handled) => Ok(handled),
        }
    }

    async fn take_in_all(
        &mut self,
        intents: Vec<(IntentId, Intent, Option<u32>)>,
        now: Millis,
    ) -> Result<Handled, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            let mut results = Vec::new();
            for (id, intent, unread) in intents {
                results.push(memory.take_in(batch, id, intent, unread, now)?);
            }
            Ok(results)
        };
        let (results, events) = self.verb(now, work).await?;
        Ok(Handled { results, events })
    }

    /// One intent has met a defect: the others are not to suffer for it.
    async fn take_in_singly(
        &mut self,
        intents: Vec<(IntentId, Intent, Option<u32>)>,
        now: Millis,
    ) -> Result<Handled, Error> {
        let mut handled = Handled { results: Vec::new(), events: Vec::new() };
        for intent in intents {
            match self.take_in_all(vec![intent], now).await {
                Ok(one) => {
                    handled.results.extend(one.results);
                    handled.events.extend(one.events);
                }
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(error) => handled.results.push(Err(error.into())),
            }
        }
        Ok(handled)
    }

    /// What an intent needs from the store before it can be carried out.
    async fn prepare(&mut self, intent: &Intent) -> Result<Option<u32>, Error> {
        match intent {
            Intent::AnswerRequest { conversation, .. } => {
                self.memory.load_group(&self.store, *conversation).await?;
                Ok(None)
            }
            intent if intent.is_about_mail() => {
                self.memory.mail.load_rest(&self.store).await?;
                Ok(None)
            }
            Intent::MarkRead { conversation, up_to } => self.unread_after(*conversation, *up_to).await,
            _ => Ok(None),
        }
    }

    /// How many received items are newer than `up_to`. Nothing: it is not among the newest.
    async fn unread_after(&self, id: ConversationId, up_to: ItemId) -> Result<Option<u32>, Error> {
        let Some(conversation) = self.memory.conversations.get(&id) else { return Ok(None) };
        if conversation.head.unread == 0 || conversation.outbound.values().any(|m| m.message_id.0 == up_to.0)
        {
            return Ok(Some(0));
        }
        let limit = usize::try_from(conversation.head.unread).unwrap_or(0).saturating_add(64).min(1000);
        let items = self.stored_items(id, None, limit).await?;
        let newer = items.iter().position(|item| item.id == up_to);
        let received = |item: &&TimelineItem| {
            use haven_bridge::ItemContent as C;
            matches!(item.content, C::Received { .. } | C::Unsupported { .. } | C::Unreadable(_))
        };
        let count = |newer| items.iter().take(newer).filter(received).count();
        Ok(newer.map(|newer| u32::try_from(count(newer)).unwrap_or(u32::MAX)))
    }
}
