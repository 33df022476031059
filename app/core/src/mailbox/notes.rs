//! What devices tell each other of mails, through notes in the mailbox.
//!
//! A change is made here at once. Its note gets its place in the mailbox's log, where all devices take the notes in, in
//! order: so they end with the same, whichever came first. A device takes in its own notes as well.

use super::{records::Note, records::*};
use crate::{
    Error,
    memory::{Batch, Memory},
};
use haven_bridge::mail::{Folder, MailId};
use haven_wire::{ids::MessageId, limits, mail as wire};

impl Memory {
    /// Makes a change and leaves a note of it.
    pub fn make_note(&mut self, batch: &mut Batch, id: MessageId, note: Note) -> Result<(), Error> {
        self.apply_note(batch, &note)?;
        let waiting = WaitingNote { id, note };
        batch.under_way(&UnderWay::Note(waiting.clone()))?;
        self.mail.notes.insert(id, waiting);
        Ok(())
    }

    /// Does what a note says to the mails and people that are here.
    pub fn apply_note(&mut self, batch: &mut Batch, note: &Note) -> Result<(), Error> {
        match note {
            Note::Moved { mails, folder } => {
                let folder = *folder;
                mails.iter().try_for_each(|id| self.change_record(batch, *id, |mail| mail.move_to(folder)))
            }
            Note::Marked { mails, seen } => {
                mails.iter().try_for_each(|id| self.change_record(batch, *id, |mail| mail.seen = *seen))
            }
            // Taken in with the body of the mail, where it is needed.
            Note::BlindCopies { .. } => Ok(()),
            Note::Verified { person, at } => self.apply_verified(batch, person, *at),
        }
    }

    /// The notes that wait, sealed.
    pub fn notes_request(&self) -> Result<Option<wire::PutNotes>, Error> {
        let waiting = self.mail.notes.values().take(limits::MAX_NOTES);
        let notes = waiting.map(|waiting| self.seal_note(waiting)).collect::<Result<Vec<_>, _>>()?;
        Ok((!notes.is_empty()).then_some(wire::PutNotes { notes }))
    }

    /// A note, sealed for this person's devices.
    pub fn seal_note(&self, waiting: &WaitingNote) -> Result<wire::Note, Error> {
        let plain = haven_wire::encode(&waiting.note)?;
        let sealed = self.account.vault_key.seal_note(&self.account.address, waiting.id, &plain)?;
        Ok(wire::Note { id: waiting.id, sealed })
    }

    /// A note from the mailbox. One that can't be read is of a newer version, or the relay made it up: passed over.
    pub fn open_note(&self, id: MessageId, sealed: &[u8]) -> Option<Note> {
        let plain = self.account.vault_key.open_note(&self.account.address, id, sealed).ok()?;
        haven_wire::decode(&plain).ok()
    }

    /// The relay has these notes.
    pub fn notes_taken(&mut self, batch: &mut Batch, ids: &[MessageId]) -> Result<(), Error> {
        for id in ids {
            if let Some(note) = self.mail.notes.remove(id) {
                batch.over(&UnderWay::Note(note))?;
            }
        }
        Ok(())
    }

    /// Deletes mails for good.
    pub fn delete_mail(&mut self, batch: &mut Batch, mails: &[MailId]) -> Result<(), Error> {
        for id in mails {
            let Some(record) = self.mail.forget(*id) else { continue };
            batch.delete_record(*id)?;
            batch.under_way(&UnderWay::Deletion(record.sequence))?;
            self.mail.deletions.insert(record.sequence);
        }
        Ok(())
    }

    /// The relay has deleted these entries.
    pub fn deletions_taken(&mut self, batch: &mut Batch, sequences: &[u64]) -> Result<(), Error> {
        for sequence in sequences {
            self.mail.deletions.remove(sequence);
            batch.over(&UnderWay::Deletion(*sequence))?;
        }
        Ok(())
    }
}

impl Record {
    /// Own mails lie among the sent ones or in the trash, and drafts are no mails yet.
    pub fn move_to(&mut self, folder: Folder) {
        let allowed = match folder {
            Folder::Drafts => false,
            Folder::Sent => self.own,
            Folder::Trash => true,
            Folder::Inbox | Folder::Archive | Folder::Junk => !self.own,
        };
        if allowed && self.folder != folder {
            self.came_from = Some(self.folder);
            self.folder = folder;
        }
    }
}
