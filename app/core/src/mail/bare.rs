//! Messages without MIME around them and in them, for `testing`.

use super::{
    Error, Keys, Sealing,
    certificates::Judge,
    decrypt::{self, Verdict},
    encrypt,
};
use crate::{Millis, identity::SecretCertificate};
use sequoia_openpgp::Cert;

pub(crate) fn begin_message(
    payload: &[u8],
    sender: &SecretCertificate,
    recipients: &[&Cert],
    now: Millis,
) -> Result<Sealing, Error> {
    encrypt::begin(payload, sender, recipients, &Judge::new(now))
}

pub(crate) fn finish_message(sealing: Sealing, armored: bool) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    if armored {
        encrypt::armored(sealing, &mut out)?
    } else {
        sealing.finish(&mut out)?
    }
    Ok(out)
}

/// Nothing, if it has no good signature.
pub(crate) fn open_message(message: &[u8], keys: &Keys<'_>, now: Millis) -> Option<Vec<u8>> {
    let plain = decrypt::open(message, keys, &Judge::new(now)).ok()?;
    matches!(plain.verdicts[..], [Verdict::Valid(_)]).then_some(plain.bytes)
}
