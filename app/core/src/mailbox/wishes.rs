//! What a person wants done with mail.

use super::records::Note;
use crate::{
    Error, Millis,
    intent::{Accepted, Intent},
    memory::{Batch, Memory},
};
use haven_bridge::{Failure, IntentId, mail::MailId};
use haven_wire::ids::MessageId;

impl Memory {
    /// Takes an intent about mail in.
    pub fn mail_intent(
        &mut self,
        batch: &mut Batch,
        id: IntentId,
        intent: Intent,
        now: Millis,
    ) -> Result<Result<Accepted, Failure>, Error> {
        let note_id = MessageId(id.0);
        let told = match intent {
            Intent::AttachFile { draft, file, bytes } => self.attach_file(batch, draft, file, &bytes, now)?,
            Intent::BackToDrafts { mail } => self.back_to_drafts(batch, mail)?,
            Intent::DeleteMail { mails } | Intent::MoveMail { mails, .. } if self.any_unsent(&mails) => {
                Err(Failure::MailUnsent)
            }
            Intent::DeleteMail { mails } => Ok(self.delete_mail(batch, &mails)?),
            Intent::DiscardDraft { id } => Ok(self.discard_draft(batch, id)?),
            Intent::MarkMail { mails, seen } => {
                Ok(self.make_note(batch, note_id, Note::Marked { mails, seen })?)
            }
            Intent::MoveMail { mails, folder } => {
                Ok(self.make_note(batch, note_id, Note::Moved { mails, folder })?)
            }
            Intent::RetryMail { mail } => self.retry_mail(batch, mail)?,
            Intent::SaveDraft { id, draft } => self.save_draft(batch, id, draft, now)?,
            Intent::SawRefusedMail => Ok(self.saw_refused_mail(batch)?),
            Intent::SendMail { draft, in_the_clear } => self.send_draft(batch, draft, in_the_clear, now)?,
            Intent::AddKey { bytes, fingerprint } => self.add_key(batch, &bytes, &fingerprint, now)?,
            Intent::Verify { person, number } => {
                self.verify(batch, note_id, &person, number.as_deref(), now)?
            }
            _ => return Err(Error::Bug("an intent that is not about mail")),
        };
        Ok(told.map(|()| Accepted::Done))
    }

    fn any_unsent(&self, mails: &[MailId]) -> bool {
        mails.iter().any(|id| self.mail.sending.contains_key(id))
    }
}
