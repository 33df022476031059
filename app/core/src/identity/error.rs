//! What can go wrong with identities and accounts.

use haven_bridge::KeyTrouble;
use haven_wire::account::Stretching;

/// Why something about an identity or an account failed. No variant carries a secret or somebody's address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no address of a relay: `local@domain`, lower case, as [`super::address::normalise`] makes it. Ask
    /// for another one.
    #[error("not an address")]
    BadAddress,
    /// The bytes are no certificate that Haven can use; the phrase says what is wrong. Its owner has to publish
    /// another one.
    #[error("the certificate is unusable: {0}")]
    BadCertificate(&'static str),
    /// An attestation or a device list doesn't have the only shape that is accepted; the phrase says where it departs.
    /// A broken or newer peer made it: refuse what it came with.
    #[error("the signed statement is malformed: {0}")]
    BadStatement(&'static str),
    /// An attestation or a device list has the right shape, but its signature doesn't verify. Somebody changed it, or
    /// it isn't from the person that it names: refuse what it came with.
    #[error("the signature does not verify")]
    BadSignature,
    /// What was signed is about something else than what it came with: another certificate, device or address. Refuse
    /// what it came with.
    #[error("the statement is about another {0}")]
    Mismatch(&'static str),
    /// The input is larger than its limit in [`haven_wire::limits`] or in this module. Refuse it.
    #[error("the input is too large")]
    TooLarge,
    /// The person's device list has no room for one more device. The person has to remove one first.
    #[error("the device list is full")]
    TooManyDevices,
    /// A word of the recovery phrase (counted from 0) is in no word list. Ask for that word again.
    #[error("word {0} of the recovery phrase is not in the list")]
    PhraseWord(usize),
    /// The recovery phrase doesn't have twelve words but this many. Ask for the whole phrase.
    #[error("the recovery phrase has {0} words instead of 12")]
    PhraseLength(usize),
    /// All words of the recovery phrase exist, but they don't belong together: one is wrong, or two changed places.
    /// Ask the person to compare them with what was written down.
    #[error("the words of the recovery phrase do not belong together")]
    PhraseChecksum,
    /// The password is too weak to be taken. Offer [`super::passphrase::suggest`].
    #[error("the password is too weak")]
    WeakPassword,
    /// The sign-in failed: the password is wrong, the address isn't known, or the relay isn't the one where the account
    /// was made. They can't be told apart. Ask for the password again.
    #[error("the password is wrong, or there is no such account")]
    WrongPassword,
    /// The relay asks for a stretching of the password that is too weak or too expensive. It is broken or hostile:
    /// don't sign in.
    #[error("the relay wants passwords stretched by {0:?}")]
    Stretching(Stretching),
    /// The relay's answer isn't what the protocol says; the phrase says which part. The relay is broken or newer.
    #[error("the relay's answer is malformed: {0}")]
    BadReply(&'static str),
    /// The vault, or the wrap of its key, doesn't open: it was sealed under another key or for another address or
    /// version, or it was changed. Don't use the account from this device.
    #[error("the vault does not open")]
    VaultSealed,
    /// The relay gave a vault older than one that this device has seen. The relay was restored from a backup or is
    /// hostile: don't use what is in it.
    #[error("the relay gave vault version {got} after version {seen}")]
    VaultRolledBack {
        /// The highest version that this device has seen.
        seen: u64,
        /// The version that the relay gave.
        got: u64,
    },
    /// The relay gave a device list older than one that this person's devices have seen. The relay was restored from a
    /// backup or is hostile: tell the person.
    #[error("the device list is older than one seen before")]
    DeviceListRolledBack,
    /// There are two device lists of one number with different content. Somebody else holds the primary key, or two
    /// devices raced: tell the person.
    #[error("there are two device lists of one number")]
    DeviceListEquivocates,
    /// A sealed pointer isn't for this inbox, or it was changed. Skip it.
    #[error("the sealed message does not open")]
    InboxSealed,
    /// A file can't become the person's certificate. Say why: [`KeyTrouble`].
    #[error("the key can't be used: {0:?}")]
    Unusable(KeyTrouble),
    /// An invariant of this module doesn't hold; the phrase says which. A defect in Haven, to be reported.
    #[error("a defect in Haven: {0}")]
    Bug(&'static str),
}
