//! Drafts: saved as the person types, with their files in pieces. They stay on the device.

use super::{address, keyring::Choice, records::*};
use crate::{
    Error, Millis,
    memory::{Batch, Memory},
    network::Purpose,
    store::Table,
};
use haven_bridge::{
    Event, Failure,
    mail::{About, AttachmentView, Draft, DraftFile, MailId, Mailbox, Outlook},
};
use haven_wire::limits::{MAX_MAIL, MAX_RECIPIENTS};

/// All files of a mail, in bytes: what most servers take, in base64 and with the text.
pub const MAX_FILES: u64 = 25 * 1024 * 1024;
/// What the rest of a message may need, in bytes.
const REST: u64 = 2 * 1024 * 1024;

/// The files that fit into a mail, in bytes: each recipient in Bcc has a message of their own, and all of them together
/// have to fit. Lines of base64 have 76 characters for 57 bytes, and two for their end; it is used twice.
fn max_files(draft: &Draft) -> u64 {
    let open = u64::from(!draft.to.is_empty() || !draft.cc.is_empty());
    let messages = open + draft.bcc.len() as u64;
    let each = (MAX_MAIL as u64 / messages.max(1)).saturating_sub(REST);
    (each / 78 * 57 / 78 * 57).min(MAX_FILES)
}
/// Text of a mail, in bytes.
const MAX_TEXT: usize = 1024 * 1024;
/// A piece of a file, in bytes.
const PIECE: usize = 1024 * 1024;

/// How an intent ended: outer errors undo the whole verb, inner ones are told to the person.
type Told = Result<Result<(), Failure>, Error>;

impl Memory {
    /// Stores a draft as it is now. A mail that was sent already stays as it was sent.
    pub fn save_draft(&mut self, batch: &mut Batch, id: MailId, draft: Draft, now: Millis) -> Told {
        if self.mail.sending.contains_key(&id) || self.mail.records.contains_key(&id) {
            return Ok(Ok(()));
        }
        if draft.text.len() > MAX_TEXT {
            return Ok(Err(Failure::MailTooLarge { limit: MAX_TEXT as u64 }));
        }
        let mut stored = self.stored_draft(id, now);
        let named = |file: &StoredFile| draft.attachments.iter().any(|other| other.id == file.id);
        let (kept, gone): (Vec<_>, Vec<_>) =
            stored.files.iter().copied().partition(|file| named(file) || !file.named);
        gone.iter().try_for_each(|file| delete_file(batch, &stored, *file))?;
        stored.files = kept.into_iter().map(|file| StoredFile { named: named(&file), ..file }).collect();
        stored.draft = draft;
        stored.saved = now;
        self.put_draft(batch, stored)?;
        Ok(Ok(()))
    }

    /// Stores the bytes of a file for a draft.
    pub fn attach_file(
        &mut self,
        batch: &mut Batch,
        id: MailId,
        file: u32,
        bytes: &[u8],
        now: Millis,
    ) -> Told {
        if self.mail.sending.contains_key(&id) || self.mail.records.contains_key(&id) {
            return Ok(Err(Failure::NotFound));
        }
        let mut stored = self.stored_draft(id, now);
        if let Some(old) = stored.files.iter().position(|other| other.id == file) {
            let old = stored.files.remove(old);
            delete_file(batch, &stored, old)?;
        }
        let others: u64 = stored.files.iter().map(|file| file.size).sum();
        let size = bytes.len() as u64;
        if others + size > MAX_FILES {
            return Ok(Err(Failure::MailTooLarge { limit: MAX_FILES }));
        }
        let mut pieces = 0;
        for piece in bytes.chunks(PIECE) {
            let change = (Table::MailFiles, stored.file_name(file), suffix(pieces), Some(piece.to_vec()));
            batch.writes.push(change);
            pieces += 1;
        }
        stored.files.push(StoredFile { id: file, size, pieces, named: false });
        self.put_draft(batch, stored)?;
        Ok(Ok(()))
    }

    /// Deletes a draft.
    pub fn discard_draft(&mut self, batch: &mut Batch, id: MailId) -> Result<(), Error> {
        match self.mail.drafts.remove(&id) {
            Some(stored) => {
                delete_files(batch, &stored)?;
                batch.draft(id, None)
            }
            None => Ok(()),
        }
    }

    /// Sends a draft: from now on it is a mail that waits.
    pub fn send_draft(&mut self, batch: &mut Batch, id: MailId, in_the_clear: bool, now: Millis) -> Told {
        if self.mail.sending.contains_key(&id) || self.mail.records.contains_key(&id) {
            return Ok(Ok(()));
        }
        let Some(stored) = self.mail.drafts.get(&id) else { return Ok(Err(Failure::NotFound)) };
        if let Err(failure) = self.check_draft(stored, in_the_clear, now) {
            return Ok(Err(failure));
        }
        let mut draft = stored.clone();
        let named = |file: &StoredFile| draft.draft.attachments.iter().any(|other| other.id == file.id);
        let (kept, gone): (Vec<_>, Vec<_>) = draft.files.iter().copied().partition(named);
        gone.iter().try_for_each(|file| delete_file(batch, &draft, *file))?;
        draft.files = kept;
        self.mail.drafts.remove(&id);
        batch.draft(id, None)?;
        let sending =
            Sending { draft, in_the_clear, time: now, submitted: false, wanted_back: false, failed: None };
        self.put_sending(batch, sending)?;
        Ok(Ok(()))
    }

    fn check_draft(&self, stored: &StoredDraft, in_the_clear: bool, now: Millis) -> Result<(), Failure> {
        if self.key_revoked(now) {
            return Err(Failure::OwnKeyRevoked);
        }
        let recipients: Vec<&Mailbox> = recipients(&stored.draft).collect();
        if recipients.is_empty() {
            return Err(Failure::MailRecipientInvalid { address: String::new() });
        }
        if recipients.len() > MAX_RECIPIENTS {
            return Err(Failure::MailTooLarge { limit: MAX_RECIPIENTS as u64 });
        }
        for Mailbox { address, .. } in recipients {
            if address::normalise(address).is_none() {
                return Err(Failure::MailRecipientInvalid { address: address.clone() });
            }
            let Choice::Not(outlook) = self.choose(address, now) else { continue };
            match outlook {
                Outlook::Nobody => return Err(Failure::MailRecipientUnknown { address: address.clone() }),
                Outlook::Unsure => {}
                _ if in_the_clear => {}
                _ => return Err(Failure::MailNotEncryptable { address: address.clone() }),
            }
        }
        let size: u64 = stored.draft.attachments.iter().map(|file| file.size).sum();
        let limit = max_files(&stored.draft);
        if size > limit {
            return Err(Failure::MailTooLarge { limit });
        }
        let forwards = matches!(stored.draft.about, Some((_, About::Forward)));
        if forwards || stored.forwarded_parts().is_empty() { Ok(()) } else { Err(Failure::NotFound) }
    }

    /// Takes a mail that waits back to the drafts. If the relay may have it, it is asked first, and what is being handed
    /// over is given up.
    pub fn back_to_drafts(&mut self, batch: &mut Batch, id: MailId) -> Told {
        let Some(sending) = self.mail.sending.get(&id).cloned() else { return Ok(Err(Failure::NotFound)) };
        if sending.submitted {
            let same = |purpose: &Purpose| matches!(purpose, Purpose::SubmitMail(other) if *other == id);
            self.network.in_flight.retain(|_, purpose| !same(purpose));
            self.put_sending(batch, Sending { wanted_back: true, ..sending })?;
        } else {
            self.end_sending(batch, id)?;
            self.taken_back(batch, id, sending.draft)?;
        }
        Ok(Ok(()))
    }

    /// The relay will not take a mail any more.
    pub fn mail_withdrawn(&mut self, batch: &mut Batch, id: MailId) -> Result<(), Error> {
        match self.end_sending(batch, id)? {
            Some(sending) => self.taken_back(batch, id, sending.draft.renamed()),
            None => Ok(()),
        }
    }

    fn taken_back(&mut self, batch: &mut Batch, mail: MailId, draft: StoredDraft) -> Result<(), Error> {
        batch.events.push(Event::MailTakenBack { mail, draft: Some(draft.id) });
        self.put_draft(batch, draft)
    }

    /// Tries a mail again that failed.
    pub fn retry_mail(&mut self, batch: &mut Batch, id: MailId) -> Told {
        let Some(sending) = self.mail.sending.get(&id) else { return Ok(Err(Failure::NotFound)) };
        let again = Sending { failed: None, ..sending.clone() };
        for Mailbox { address, .. } in recipients(&again.draft.draft) {
            self.network.mail.searches.remove(&address.to_ascii_lowercase());
        }
        self.put_sending(batch, again)?;
        Ok(Ok(()))
    }

    /// Stores a mail that waits.
    pub fn put_sending(&mut self, batch: &mut Batch, sending: Sending) -> Result<(), Error> {
        batch.under_way(&UnderWay::Sending(Box::new(sending.clone())))?;
        self.mail.sending.insert(sending.draft.id, sending);
        Ok(())
    }

    /// A mail waits no more.
    pub fn end_sending(&mut self, batch: &mut Batch, id: MailId) -> Result<Option<Sending>, Error> {
        self.network.mail.composed.remove(&id);
        self.network.mail.forwarded.remove(&id);
        match self.mail.sending.remove(&id) {
            Some(sending) => {
                batch.over(&UnderWay::Sending(Box::new(sending.clone())))?;
                Ok(Some(sending))
            }
            None => Ok(None),
        }
    }

    fn stored_draft(&self, id: MailId, now: Millis) -> StoredDraft {
        let new =
            || StoredDraft { id, draft: Draft::default(), saved: now, files: Vec::new(), files_of: None };
        self.mail.drafts.get(&id).cloned().unwrap_or_else(new)
    }

    fn put_draft(&mut self, batch: &mut Batch, stored: StoredDraft) -> Result<(), Error> {
        batch.draft(stored.id, Some(&stored))?;
        self.mail.drafts.insert(stored.id, stored);
        Ok(())
    }
}

impl StoredDraft {
    /// The files whose bytes were not given here: which of the draft's files they are, and which attachments of the mail
    /// that is forwarded.
    pub fn forwarded_parts(&self) -> Vec<(usize, u32)> {
        let files = self.draft.attachments.iter().map(|file| file.id).enumerate();
        files.filter(|(_, id)| self.files.iter().all(|stored| stored.id != *id)).collect()
    }
}

/// Everybody that a draft goes to.
pub fn recipients(draft: &Draft) -> impl Iterator<Item = &Mailbox> {
    draft.to.iter().chain(&draft.cc).chain(&draft.bcc)
}

/// Its files as attachments.
pub fn attachments(draft: &Draft) -> Vec<AttachmentView> {
    let attachment = |file: &DraftFile| AttachmentView {
        part: file.id,
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.size,
    };
    draft.attachments.iter().map(attachment).collect()
}

/// Deletes the files of a draft or of a mail that waited.
pub fn delete_files(batch: &mut Batch, stored: &StoredDraft) -> Result<(), Error> {
    stored.files.iter().try_for_each(|file| delete_file(batch, stored, *file))
}

fn delete_file(batch: &mut Batch, draft: &StoredDraft, file: StoredFile) -> Result<(), Error> {
    let name = draft.file_name(file.id);
    (0..file.pieces).try_for_each(|piece| batch.put::<()>(Table::MailFiles, &name, suffix(piece), None))
}

fn suffix(piece: u32) -> Vec<u8> {
    piece.to_be_bytes().to_vec()
}
