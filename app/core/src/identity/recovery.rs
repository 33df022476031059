//! The recovery phrase: twelve words that open the account when the password is forgotten.
//!
//! The words are BIP-39's English list and checksum, for 128 random bits. Two independent keys are derived from them,
//! for this account alone: one unwraps the vault key, the other is shown to the relay to sign in. So the relay, which
//! sees the second, learns nothing about the first.

use super::{
    Error, Secret,
    secret::random,
    vault::{WrapKey, derive},
};
use bip39::{Language, Mnemonic};
use haven_wire::account::LoginSecret;
use zeroize::Zeroizing;

/// Words in a phrase.
pub const WORDS: usize = 12;
/// Bytes that a phrase stands for.
const ENTROPY: usize = 16;
/// No two words of the list have this many first letters in common.
const PREFIX: usize = 4;

/// A recovery phrase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecoveryPhrase(Secret);

impl RecoveryPhrase {
    /// Makes a phrase.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(Secret::from(random::<ENTROPY>()?.to_vec())))
    }

    /// The phrase that stands for these bytes ([`Self::entropy`]).
    pub fn from_entropy(entropy: &Secret) -> Result<Self, Error> {
        if entropy.len() != ENTROPY {
            return Err(Error::VaultSealed);
        }
        Ok(Self(entropy.clone()))
    }

    /// The bytes that the phrase stands for.
    pub fn entropy(&self) -> &Secret {
        &self.0
    }

    /// Reads what a person typed. Case, numbering, punctuation and white space don't matter, and four letters of a
    /// word are enough.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = Zeroizing::new(text.to_lowercase());
        let typed: Vec<&str> =
            text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
        if typed.len() != WORDS {
            return Err(Error::PhraseLength(typed.len()));
        }
        let words: Result<Vec<&str>, Error> = typed
            .iter()
            .enumerate()
            .map(|(place, typed)| word(typed).ok_or(Error::PhraseWord(place)))
            .collect();
        let phrase = Zeroizing::new(words?.join(" "));
        let mnemonic =
            Mnemonic::parse_in_normalized(Language::English, &phrase).map_err(|_| Error::PhraseChecksum)?;
        Ok(Self(Secret::from(mnemonic.to_entropy())))
    }

    /// The twelve words.
    pub fn words(&self) -> Result<Vec<String>, Error> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, &self.0)
            .map_err(|_| Error::Bug("a phrase of another length"))?;
        Ok(mnemonic.words().map(str::to_owned).collect())
    }

    /// What the relay is shown to sign in to `address`.
    pub fn login(&self, address: &str) -> Result<LoginSecret, Error> {
        let key = derive(&self.0, "haven recovery login 1", address)?;
        Ok(haven_wire::ids::SessionToken(*key))
    }

    /// What the vault key of `address` is wrapped under.
    pub fn wrap_key(&self, address: &str) -> Result<WrapKey, Error> {
        WrapKey::from_recovery(&self.0, address)
    }
}

/// The word of the list that was meant.
fn word(typed: &str) -> Option<&'static str> {
    match Language::English.words_by_prefix(typed) {
        [only] if typed.len() >= PREFIX => Some(only),
        found => found.iter().find(|word| **word == typed).copied(),
    }
}

/// Whether `typed` is the word `expected`, or enough of it.
pub(super) fn same_word(typed: &str, expected: &str) -> bool {
    word(typed.trim().to_lowercase().as_str()) == Some(expected)
}
