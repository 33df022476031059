//! Passwords: suggesting good ones, refusing bad ones.
//!
//! The judgement is a rule that fits on this page: how many bits somebody would have to guess who knows how people
//! make passwords. zxcvbn does that better, from lists of what people really chose, but adds 765 kB to the engine's
//! 1.3 MB. The rule is kept on the careful side of zxcvbn instead: a word counts as one of a short list, whatever it
//! is, and runs, repetitions, years and the person's own address count next to nothing.
//!
//! A guess costs 64 MiB and three passes of Argon2id, and can be made only by who stole the relay's database *and* its
//! OPAQUE seed. With a thousand guesses a second, 40 bits take 35 years, and 60 bits longer than anybody waits.

use super::{Error, address, secret::random};
use diceware_wordlists::EFF_LONG_WORDLIST;
use haven_bridge::PasswordStrength;

/// Words in a suggestion: 64 bits.
pub const SUGGESTED_WORDS: usize = 5;
/// Shorter passwords are weak, whatever they are made of.
pub const MIN_CHARACTERS: usize = 8;
/// What a [`PasswordStrength::Good`] password takes, in bits.
const GOOD: f64 = 40.0;
/// What a [`PasswordStrength::Strong`] password takes, in bits.
const STRONG: f64 = 60.0;

/// Bits of a letter in a word. English text has between one and two.
const PER_LETTER: f64 = 2.0;
/// Bits of a word, at most: one of the 7776 in the list for suggestions.
const PER_WORD: f64 = 12.9;
/// Bits of a letter that isn't in a word.
const PER_RANDOM_LETTER: f64 = 4.7;
const PER_DIGIT: f64 = 3.3;
const PER_SYMBOL: f64 = 4.0;
/// Bits of anything that was to be expected.
const EXPECTED: f64 = 1.0;
/// Bits of a year between 1900 and 2099.
const PER_YEAR: f64 = 7.0;

/// Neighbours on keyboards, alphabets and dials.
const SEQUENCES: [&str; 7] = [
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "01234567890",
];

/// What passwords are made of so often that it is tried first; in lower case, without digits around it.
const COMMON: &[&str] = &[
    "abc",
    "access",
    "admin",
    "amanda",
    "andrew",
    "angel",
    "anthony",
    "apple",
    "ashley",
    "asshole",
    "austin",
    "bailey",
    "baseball",
    "basketball",
    "batman",
    "battery",
    "biteme",
    "buster",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "cookie",
    "correct",
    "daniel",
    "default",
    "dragon",
    "family",
    "flower",
    "football",
    "forever",
    "freedom",
    "fuck",
    "fuckyou",
    "george",
    "ginger",
    "guest",
    "hallo",
    "hannah",
    "harley",
    "haven",
    "hello",
    "hockey",
    "horse",
    "hottie",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jesus",
    "jordan",
    "joshua",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "love",
    "lovely",
    "loveme",
    "maggie",
    "master",
    "matrix",
    "matthew",
    "mercedes",
    "merlin",
    "michael",
    "michelle",
    "monkey",
    "mother",
    "mustang",
    "mynoob",
    "naruto",
    "nicole",
    "ninja",
    "orange",
    "pass",
    "passphrase",
    "passw",
    "passwd",
    "passwort",
    "password",
    "pepper",
    "please",
    "pokemon",
    "princess",
    "purple",
    "qazwsx",
    "ranger",
    "robert",
    "root",
    "samsung",
    "secret",
    "sexy",
    "shadow",
    "silver",
    "soccer",
    "staple",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "taylor",
    "test",
    "thomas",
    "thunder",
    "tigger",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "william",
    "winter",
    "yankees",
    "zaq",
    "zxcvbn",
];

/// Sentences that everybody knows, without spaces.
const FAMOUS: &[&str] = &[
    "correcthorsebatterystaple",
    "tobeornottobethatisthequestion",
    "thequickbrownfoxjumpsoverthelazydog",
    "maytheforcebewithyou",
    "itwasthebestoftimesitwastheworstoftimes",
    "inthebeginningwastheword",
];

/// A passphrase of five words, drawn evenly from the EFF's long list.
pub fn suggest() -> Result<String, Error> {
    let words: Result<Vec<&str>, Error> = (0..SUGGESTED_WORDS).map(|_| random_word()).collect();
    Ok(words?.join(" "))
}

fn random_word() -> Result<&'static str, Error> {
    // Numbers above the largest multiple of the list's length are drawn again, so that each word is as likely.
    let words = EFF_LONG_WORDLIST.len();
    let limit = (1 << 16) / words * words;
    loop {
        let number = usize::from(u16::from_be_bytes(*random()?));
        if number < limit {
            let word = EFF_LONG_WORDLIST.get(number % words);
            return word.copied().ok_or(Error::Bug("a word outside the list"));
        }
    }
}

/// Judges a password for the account of `address`.
pub fn judge(password: &str, address: &str) -> PasswordStrength {
    let bits = bits(password.trim(), address);
    if password.trim().chars().count() < MIN_CHARACTERS || bits < GOOD {
        PasswordStrength::Weak
    } else if bits < STRONG {
        PasswordStrength::Good
    } else {
        PasswordStrength::Strong
    }
}

/// What a guesser needs, in bits, about.
fn bits(password: &str, address: &str) -> f64 {
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    if FAMOUS.iter().any(|famous| letters.contains(famous)) {
        return EXPECTED;
    }
    let unit = shortest_period(&lower);
    let mut seen: Vec<String> = Vec::new();
    let mut bits = 0.0;
    for run in runs(unit) {
        let again = seen.contains(&run) || is_expected(&run, address);
        bits += if again { EXPECTED } else { run_bits(&run) };
        seen.push(run);
    }
    // Capital letters in places where nobody expects them.
    bits + mixed_case(password)
}

/// The part of which `text` is a repetition, or all of it.
fn shortest_period(text: &str) -> &str {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    let mut periods = ends.filter_map(|end| text.get(..end));
    periods
        .find(|unit| text.len() % unit.len() == 0 && unit.repeat(text.len() / unit.len()) == text)
        .unwrap_or(text)
}

/// What a character is, so that runs of one kind can be told apart.
fn kind(c: char) -> u8 {
    match c {
        _ if c.is_alphabetic() => 0,
        _ if c.is_numeric() => 1,
        _ => 2,
    }
}

/// The password's runs of letters, of digits, and of other characters.
fn runs(text: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        match runs.last_mut() {
            Some(run) if last == Some(kind(c)) => run.push(c),
            _ => runs.push(c.into()),
        }
        last = Some(kind(c));
    }
    runs
}

fn is_expected(run: &str, own_address: &str) -> bool {
    let own = |part: &str| part.len() > 2 && (run.contains(part) || part.contains(run));
    let domain = address::domain(own_address).unwrap_or_default();
    let local = own_address.split('@').next().unwrap_or_default();
    COMMON.contains(&run) || (run.chars().count() > 2 && (own(local) || domain.split('.').any(own)))
}

fn run_bits(run: &str) -> f64 {
    let characters: Vec<char> = run.chars().collect();
    let surprising = surprising(&characters) as f64;
    let all = characters.len() as f64;
    match characters.first().map(|c| kind(*c)) {
        Some(0) if is_word(&characters) => (PER_LETTER * surprising).min(PER_WORD * (all / 9.0).ceil()),
        Some(0) => PER_RANDOM_LETTER * surprising,
        Some(1) if is_year(run) => PER_YEAR,
        Some(1) => PER_DIGIT * surprising,
        // One space or hyphen between words is the usual way to write them.
        Some(_) if all < 2.0 && matches!(run, " " | "-" | "." | "_" | ",") => EXPECTED,
        _ => PER_SYMBOL * surprising,
    }
}

/// How many characters neither repeat nor continue what is before them.
fn surprising(characters: &[char]) -> usize {
    let continues = |pair: &&[char]| match pair {
        [a, b] => a == b || SEQUENCES.iter().any(|sequence| neighbours(sequence, *a, *b)),
        _ => false,
    };
    characters.len() - characters.windows(2).filter(continues).count()
}

fn neighbours(sequence: &str, a: char, b: char) -> bool {
    let next = |from: char, to: char| {
        let mut pairs = sequence.chars().zip(sequence.chars().skip(1));
        pairs.any(|pair| pair == (from, to))
    };
    next(a, b) || next(b, a)
}

/// Whether a run of letters could be words. What has four consonants in a row, or no vowel at all, is no word.
fn is_word(letters: &[char]) -> bool {
    let vowel = |c: &char| !c.is_ascii() || "aeiouy".contains(*c);
    let longest = letters.split(vowel).map(<[char]>::len).max();
    longest.unwrap_or_default() <= 4
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"))
}

/// One bit for each letter whose case differs from the one before it, not counting the first letter of a word.
fn mixed_case(password: &str) -> f64 {
    let characters: Vec<char> = password.chars().collect();
    let changes = characters.windows(2).filter(|pair| match pair {
        [a, b] => a.is_lowercase() && b.is_uppercase(),
        _ => false,
    });
    changes.count() as f64
}
