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

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@example.org";
    /// From BIP-39's own vectors.
    const VECTORS: [(&str, &str); 3] = [
        (
            "00000000000000000000000000000000",
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        ),
        (
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
        ),
        (
            "9e885d952ad362caeb4efe34a8e91bd2",
            "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
        ),
    ];

    #[test]
    fn phrases_are_those_of_bip_39() {
        for (entropy, words) in VECTORS {
            let phrase = RecoveryPhrase::parse(words).unwrap();
            assert_eq!(hex::encode(&**phrase.entropy()), entropy);
            assert_eq!(phrase.words().unwrap().join(" "), words);
        }
    }

    #[test]
    fn phrases_are_read_however_people_write_them() {
        let phrase = RecoveryPhrase::parse(VECTORS[2].1).unwrap();
        for typed in [
            "  OZONE drill\tgrab fiber curtain grace\n pudding thank cruise elder eight picnic ",
            "1. Ozone 2. Drill 3. Grab 4. Fiber 5. Curtain 6. Grace 7. Pudding 8. Thank 9. Cruise 10. Elder 11. Eight 12. Picnic",
            "ozon dril grab fibe curt grac pudd than crui elde eigh picn",
            "ozone-drill-grab-fiber-curtain-grace-pudding-thank-cruise-elder-eight-picnic",
        ] {
            assert_eq!(RecoveryPhrase::parse(typed).unwrap(), phrase, "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_phrase_is_said() {
        let parse = |text: &str| RecoveryPhrase::parse(text).unwrap_err();
        let words: Vec<&str> = VECTORS[2].1.split(' ').collect();
        assert_eq!(parse(""), Error::PhraseLength(0));
        assert_eq!(parse(&words[..11].join(" ")), Error::PhraseLength(11));
        let mut mistyped = words.clone();
        mistyped[4] = "curtian";
        assert_eq!(parse(&mistyped.join(" ")), Error::PhraseWord(4));
        mistyped[4] = "cur";
        assert_eq!(parse(&mistyped.join(" ")), Error::PhraseWord(4));
        let mut swapped = words.clone();
        swapped.swap(0, 1);
        assert_eq!(parse(&swapped.join(" ")), Error::PhraseChecksum);
        assert_eq!(parse(&"ü".repeat(100_000)), Error::PhraseLength(1));
    }

    #[test]
    fn every_word_of_the_list_is_known_by_four_letters() {
        for full in Language::English.word_list() {
            let prefix: String = full.chars().take(PREFIX).collect();
            assert!(same_word(full, full) && same_word(&prefix, full), "{full}");
        }
        assert!(!same_word("", "abandon") && !same_word("ab", "abandon"));
    }

    #[test]
    fn each_account_and_each_purpose_gets_a_key_of_its_own() {
        let phrase = RecoveryPhrase::generate().unwrap();
        let login = phrase.login(ALICE).unwrap();
        assert_eq!(login, phrase.login(ALICE).unwrap());
        assert_ne!(login, phrase.login("bob@example.org").unwrap());
        assert_ne!(login, RecoveryPhrase::generate().unwrap().login(ALICE).unwrap());
        let wrap = derive(phrase.entropy(), "haven vault wrap from recovery phrase 1", ALICE).unwrap();
        assert_ne!(login.0, *wrap);
        assert_eq!(phrase.words().unwrap().len(), WORDS);
    }

    #[test]
    fn the_derivation_never_changes() {
        // HKDF-SHA256, computed by another program.
        let phrase = RecoveryPhrase::parse(VECTORS[1].1).unwrap();
        assert_eq!(
            phrase.login(ALICE).unwrap().to_hex(),
            "7f1846dfbebc82ed6193cd307459d0e60f528e15beee68cc73c86aeb93a20b00"
        );
    }
}
