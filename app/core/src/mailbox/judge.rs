//! Signatures by keys that become known later.
//!
//! What is stored of a mail says what was known when it came. A mail that is looked at and was signed by a key that is
//! known by now is opened again, once.

use super::records::Body;
use crate::{
    Error,
    mail::{Opened, certificates},
    memory::{Batch, Memory},
    store::Table,
};
use haven_bridge::mail::{MailId, Signature};

impl Memory {
    /// Notes a mail that is looked at, if its signature may be known by now.
    pub fn doubt(&mut self, id: MailId, signature: &Signature) {
        let Signature::UnknownKey { issuer } = signature else { return };
        let mut known = self.mail.addresses.values().flat_map(|keys| &keys.candidates);
        if !self.network.mail.judged.contains(&id)
            && known.any(|known| certificates::has_key(&known.certificate, issuer))
        {
            self.network.mail.doubted.insert(id);
        }
    }

    /// A mail was opened again.
    pub fn judged_again(
        &mut self,
        batch: &mut Batch,
        id: MailId,
        opened: Opened,
        stored: Body,
    ) -> Result<(), Error> {
        let still_unknown = matches!(opened.signature, Signature::UnknownKey { .. });
        if still_unknown || opened.trouble.is_some() || !self.mail.records.contains_key(&id) {
            return Ok(());
        }
        // With its writer known, what stands inside counts.
        self.change_record(batch, id, |record| {
            record.from = opened.from.first().cloned().unwrap_or_default();
            record.subject = super::arrive::one_line(&opened.subject);
        })?;
        batch.put(Table::MailBodies, b"body", id.0.to_vec(), Some(&Body { opened, ..stored }))
    }
}
