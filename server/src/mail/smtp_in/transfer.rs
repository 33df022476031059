//! A mail while it comes, and its share of the memory that large mails have together.

use super::{
    content::{Content, Fault},
    wire::{Gone, Wire},
};
use crate::{
    limits::Network,
    shares::{Share, Shares},
    state::State,
};
use haven_wire::limits::MAX_ARRIVING_MAIL;
use std::sync::Arc;

/// Bytes that every session may keep in memory. For more it needs a share.
const SMALL: usize = 256 * 1024;
/// Bytes of a refused mail that are read on, until the sender is ready to hear so.
const MAX_IGNORED: usize = 2 * MAX_ARRIVING_MAIL;

/// A mail while it comes.
pub struct Transfer {
    content: Content,
    room: Room,
}

/// What holds a mail's share of memory, for as long as it lives.
pub struct Room {
    shares: Arc<Shares>,
    network: Option<Network>,
    /// What the mail may come to.
    most: usize,
    held: Option<Share>,
}

impl Transfer {
    /// A mail that was announced with so many bytes; 0 if it wasn't said.
    pub fn new(state: &State, network: Option<Network>, announced: usize) -> Self {
        let most = if announced == 0 { MAX_ARRIVING_MAIL } else { announced };
        Self {
            content: Content::default(),
            room: Room { shares: state.large_arrivals.clone(), network, most, held: None },
        }
    }

    /// A mail that nobody asked for: it is read, and not kept.
    pub fn ignored(state: &State) -> Self {
        let mut transfer = Self::new(state, None, 0);
        transfer.content.fail(Fault::Large);
        transfer
    }

    /// Reads to the dot.
    pub async fn until_dot(&mut self, wire: &mut Wire) -> Result<(), Gone> {
        let mut ended = false;
        while !ended {
            self.room.make(&mut self.content).await;
            let take = |bytes: &[u8]| {
                let (used, end) = self.content.take(bytes);
                ended = end;
                used
            };
            wire.bytes(take).await?;
            if self.content.came() > MAX_IGNORED {
                return Err(Gone::Closed);
            }
        }
        Ok(())
    }

    /// Reads a chunk of so many bytes.
    pub async fn chunk(&mut self, wire: &mut Wire, size: usize) -> Result<(), Gone> {
        let after = self.content.came().saturating_add(size);
        if after > MAX_IGNORED {
            return Err(Gone::Closed);
        }
        let mut left = size;
        while left > 0 {
            self.room.make(&mut self.content).await;
            let take = |bytes: &[u8]| {
                let chunk = bytes.get(..left).unwrap_or(bytes);
                self.content.take_chunk(chunk);
                left -= chunk.len();
                chunk.len()
            };
            wire.bytes(take).await?;
        }
        Ok(())
    }

    /// The mail, once it is whole, and its room, to be kept until the mail is stored.
    pub fn finish(self) -> (Result<Vec<u8>, Fault>, Room) {
        (self.content.finish(), self.room)
    }
}

impl Room {
    /// Sees to it that the mail may grow. Whoever announced too little needs the most there is.
    async fn make(&mut self, content: &mut Content) {
        if content.len() <= SMALL || self.held.is_some() && content.len() <= self.most {
            return;
        }
        if self.held.take().is_some() {
            self.most = MAX_ARRIVING_MAIL;
        }
        let kib = u32::try_from(self.most.max(content.len()) / 1024).unwrap_or(u32::MAX);
        match self.shares.take(self.network, kib).await {
            Some(share) => self.held = Some(share),
            None => content.fail(Fault::NoRoom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(all: usize, most: usize) -> Room {
        Room { shares: Shares::new(all), network: None, most, held: None }
    }

    fn content(bytes: usize) -> Content {
        let mut content = Content::default();
        content.take("0123456789abcd\r\n".repeat(bytes / 16).as_bytes());
        content
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_finds_no_room_is_refused_after_a_while() {
        let mut room = room(100, MAX_ARRIVING_MAIL);
        let mut content = content(2 * SMALL);
        room.make(&mut content).await;
        assert_eq!(content.finish(), Err(Fault::NoRoom));
    }

    #[tokio::test]
    async fn small_mails_need_no_room() {
        let mut content = content(SMALL);
        room(0, MAX_ARRIVING_MAIL).make(&mut content).await;
        assert!(content.finish().is_ok());
    }

    #[tokio::test]
    async fn who_announced_too_little_takes_the_most() {
        let mut room = room(100_000, 2 * SMALL);
        room.make(&mut content(2 * SMALL)).await;
        assert_eq!(room.shares.all.available_permits(), 100_000 - 2 * SMALL / 1024);
        room.make(&mut content(3 * SMALL)).await;
        assert_eq!(room.shares.all.available_permits(), 100_000 - MAX_ARRIVING_MAIL / 1024);
        let shares = room.shares.clone();
        drop(room);
        assert_eq!(shares.all.available_permits(), 100_000);
    }
}
