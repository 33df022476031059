//! Files of the person's certificate, and keys that somebody brings.
//!
//! Stretching a passphrase blocks this worker for as long as the device is slow: the other tabs are told before.

use super::{Ended, Pump, Signed};
use crate::{scope, tabs::Asker};
use haven_bridge::{Failure, KeyFile, OwnKey, Reply};
use haven_core::{Error, identity::import};

impl Pump {
    pub(super) fn export_key(&self, asker: Asker, file: &KeyFile) -> Result<(), Ended> {
        let account = match &self.engine {
            Signed::In(engine) => engine.account(),
            other => {
                self.answer(asker, Err(other.failure()));
                return Ok(());
            }
        };
        self.tab.busy(true);
        let made = match file {
            KeyFile::Public => account.certificate_file(),
            KeyFile::Secret { passphrase } => account.secret_key_file(passphrase),
            KeyFile::Revocation => account.revocation_file(),
        };
        self.tab.busy(false);
        let made = self.done(made.map_err(Error::from))?;
        self.answer(asker, made.map(Reply::File));
        Ok(())
    }

    pub(super) fn judge_key(&self, asker: Asker, key: &OwnKey) {
        self.tab.busy(true);
        let judged = import::judge(&key.file, &key.passphrase, scope::now());
        self.tab.busy(false);
        let judged = judged.map(|fingerprint| Reply::Key(fingerprint.grouped())).map_err(Failure::from);
        self.answer(asker, judged);
    }
}
