//! Passwords: suggesting good ones, refusing bad ones.
//!
//! The judgement is a rule that fits on this page: how many bits somebody would have to guess who knows how people
//! make passwords. zxcvbn does that better, from lists of what people really chose, but adds 765 kB to the engine's
//! 1.3 MB. The rule is kept on the careful side of zxcvbn instead: a word counts as one of a short list, whatever it
//! is, and runs, repetitions, years and the person's own address count next to nothing. Of 4,007 passwords made up after
//! the habits of people and of generators, it took none to which zxcvbn gave less than 3 of 4. It is stricter: it
//! refused 1,648 of the 2,189 with more, most of them two or three words with a year.
//!
//! A guess costs 64 MiB and three passes of Argon2id, and can be made only by who stole the relay's database *and* its
//! OPAQUE seed. With a thousand guesses a second, 40 bits take 35 years, and 48 bits 9,000.

use super::{Error, secret::random};
use diceware_wordlists::EFF_LONG_WORDLIST;
use haven_bridge::PasswordStrength;
use std::collections::HashSet;

/// Words in a suggestion: 64 bits.
pub const SUGGESTED_WORDS: usize = 5;
/// Shorter passwords are weak, whatever they are made of.
pub const MIN_CHARACTERS: usize = 8;
/// What comes after these doesn't make a password stronger.
const JUDGED_CHARACTERS: usize = 128;
/// What a [`PasswordStrength::Good`] password takes, in bits.
const GOOD: f64 = 40.0;
/// What a [`PasswordStrength::Strong`] password takes, in bits.
const STRONG: f64 = 48.0;

/// Bits of a letter in a word. English text has between one and two.
const PER_LETTER: f64 = 2.0;
/// Bits of a word, at least: one of the 500 most usual.
const PER_SHORT_WORD: f64 = 9.0;
/// Bits of a word, at most: one of the 7776 in the list for suggestions.
const PER_WORD: f64 = 12.9;
/// Bits of a letter that isn't in a word.
const PER_RANDOM_LETTER: f64 = 4.7;
const PER_DIGIT: f64 = 3.3;
const PER_SYMBOL: f64 = 4.0;
/// Bits of anything that was to be expected.
const EXPECTED: f64 = 1.0;
/// Bits of writing a word with digits and symbols in it.
const DISGUISE: f64 = 2.0;
/// Bits of a year between 1900 and 2099.
const PER_YEAR: f64 = 7.0;

/// Stands where something expected was cut out.
const GAP: char = '\0';

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
const COMMON: &str = "abc access admin amanda andrew angel anthony apple ashley austin bailey baseball basketball batman \
    buster charlie cheese chelsea chocolate computer cookie daniel default dragon family flower football \
    forever freedom george ginger guest hallo hannah harley haven hello hockey hunter iloveyou internet \
    jennifer jessica jesus jordan joshua killer letmein liverpool login love lovely loveme maggie master \
    matrix matthew mercedes merlin michael michelle monkey mother mustang naruto nicole ninja orange \
    pass passphrase passw passwd passwort password pepper please pokemon princess purple qazwsx ranger \
    robert root samsung secret shadow silver soccer starwars summer sunshine superman taylor test thomas \
    thunder tigger trustno user welcome whatever william winter yankees zaq zxcvbn";

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
    loop {
        let words: Result<Vec<&str>, Error> = (0..SUGGESTED_WORDS).map(|_| random_word()).collect();
        let suggestion = words?.join(" ");
        // One in eight hundred has a word twice, which is weaker than it looks: another one is drawn then.
        if judge(&suggestion, "") == PasswordStrength::Strong {
            return Ok(suggestion);
        }
    }
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
    let password: String = password.trim().chars().take(JUDGED_CHARACTERS).collect();
    let bits = bits(&password, address);
    if password.chars().count() < MIN_CHARACTERS || bits < GOOD {
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
    if let Some(bits) = passphrase_bits(&lower) {
        return bits;
    }
    let plain = shape_bits(&lower, address) + mixed_case(password);
    let undisguised = without_disguise(&lower);
    match without_expected(&undisguised, address) {
        (_, 0) => plain,
        _ => plain.min(shape_bits(&undisguised, address) + DISGUISE),
    }
}

/// Bits of a passphrase whose words are all in the list for suggestions.
fn passphrase_bits(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let listed = words.iter().all(|word| EFF_LONG_WORDLIST.binary_search(word).is_ok());
    let different: HashSet<&str> = words.into_iter().collect();
    let word = |word: &&str| EXPECTED + word_bits(word.chars().count());
    listed.then(|| different.iter().map(word).sum())
}

/// Bits of any other password, from its shape.
fn shape_bits(text: &str, address: &str) -> f64 {
    let (text, expected) = without_expected(shortest_period(text), address);
    let runs = runs(&text);
    let found = if is_scattered(&runs) {
        scattered_bits(&text)
    } else {
        let different: HashSet<&str> = runs.iter().map(String::as_str).collect();
        let again = (runs.len() - different.len()) as f64;
        different.into_iter().map(run_bits).sum::<f64>() + again * EXPECTED
    };
    found + expected as f64 * EXPECTED
}

/// Letters that are written with digits and symbols.
fn without_disguise(text: &str) -> String {
    let plain = |c| match c {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// Cuts out what was to be expected: common passwords and parts of the own address. Gives the rest and their number.
fn without_expected(text: &str, address: &str) -> (String, usize) {
    let own = address.split(['@', '.', '-', '_']).filter(|part| part.len() > 2);
    let common = COMMON.split(' ').filter(|word| word.len() > 3);
    let mut rest = text.to_owned();
    let mut found = 0;
    for expected in own.chain(common) {
        found += rest.matches(expected).count();
        rest = rest.replace(expected, &GAP.to_string());
    }
    (rest, found)
}

/// The part of which `text` is a repetition, or all of it.
fn shortest_period(text: &str) -> &str {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    let mut periods = ends.filter_map(|end| text.get(..end));
    let repeated = |unit: &str| unit.repeat(text.len() / unit.len()) == text;
    periods.find(|unit| text.len().is_multiple_of(unit.len()) && repeated(unit)).unwrap_or(text)
}

/// What a run is made of.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Letter,
    Digit,
    Symbol,
}

fn kind(c: char) -> Kind {
    match c {
        _ if c.is_alphabetic() => Kind::Letter,
        _ if c.is_numeric() => Kind::Digit,
        _ => Kind::Symbol,
    }
}

/// The runs of letters, of digits, and of other characters.
fn runs(text: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        let this = (c != GAP).then(|| kind(c));
        match runs.last_mut() {
            _ if this.is_none() => {}
            Some(run) if last == this => run.push(c),
            _ => runs.push(c.into()),
        }
        last = this;
    }
    runs
}

/// Whether letters are broken up by digits and symbols over and over, other than by what separates words and dates.
fn is_scattered(runs: &[String]) -> bool {
    let of = |wanted: Kind| runs.iter().filter(move |run| run.starts_with(|c| kind(c) == wanted));
    let symbols = of(Kind::Symbol).filter(|run| !matches!(run.as_str(), " " | "-" | "." | "_" | "," | "/"));
    of(Kind::Letter).count() >= 3 && of(Kind::Digit).count() + symbols.count() >= 2
}

/// Bits of letters, digits and symbols in no order: what a generator makes.
fn scattered_bits(text: &str) -> f64 {
    let surprising =
        |wanted| surprising(&text.chars().filter(|c| *c != GAP && kind(*c) == wanted).collect::<Vec<_>>());
    PER_RANDOM_LETTER * surprising(Kind::Letter) as f64
        + PER_DIGIT * surprising(Kind::Digit) as f64
        + PER_SYMBOL * surprising(Kind::Symbol) as f64
}

fn run_bits(run: &str) -> f64 {
    let characters: Vec<char> = run.chars().collect();
    let count = surprising(&characters);
    match characters.first().map(|c| kind(*c)) {
        _ if COMMON.split(' ').any(|word| word == run) => EXPECTED,
        Some(Kind::Letter) if is_word(&characters) => word_bits(count),
        Some(Kind::Letter) => PER_RANDOM_LETTER * count as f64,
        Some(Kind::Digit) if is_year(run) => PER_YEAR,
        Some(Kind::Digit) => PER_DIGIT * count as f64,
        // One of these between words is the usual way to write them.
        _ if matches!(run, " " | "-" | "." | "_" | ",") => EXPECTED,
        _ => PER_SYMBOL * count as f64,
    }
}

/// Bits of this many letters that make one word, or several without spaces.
fn word_bits(letters: usize) -> f64 {
    let by_length = PER_LETTER * letters as f64;
    if letters < 3 {
        by_length
    } else {
        by_length.max(PER_SHORT_WORD).min(PER_WORD * letters.div_ceil(9) as f64)
    }
}

/// How many characters don't continue the two before them: repeating them, or going on along [`SEQUENCES`].
fn surprising(characters: &[char]) -> usize {
    let near = |a: char, b: char| a == b || SEQUENCES.iter().any(|sequence| neighbours(sequence, a, b));
    let continues = |three: &&[char]| match three {
        [a, b, c] => near(*a, *b) && near(*b, *c),
        _ => false,
    };
    characters.len() - characters.windows(3).filter(continues).count()
}

fn neighbours(sequence: &str, a: char, b: char) -> bool {
    let next = |from: char, to: char| {
        let mut pairs = sequence.chars().zip(sequence.chars().skip(1));
        pairs.any(|pair| pair == (from, to))
    };
    next(a, b) || next(b, a)
}

/// Whether a run of letters could be words: they have a vowel after four consonants at the latest.
fn is_word(letters: &[char]) -> bool {
    let vowel = |c: &char| !c.is_ascii() || "aeiouy".contains(*c);
    let longest = letters.split(vowel).map(<[char]>::len).max();
    longest.unwrap_or_default() <= 4
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"))
}

/// One bit for each capital letter inside a word.
fn mixed_case(password: &str) -> f64 {
    let characters: Vec<char> = password.chars().collect();
    let inside = |pair: &&[char]| matches!(pair, [a, b] if a.is_lowercase() && b.is_uppercase());
    characters.windows(2).filter(inside).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@example.org";

    fn strength(password: &str) -> PasswordStrength {
        judge(password, ALICE)
    }

    #[test]
    fn suggestions_are_strong_and_differ() {
        let suggestions: Vec<String> = (0..2000).map(|_| suggest().unwrap()).collect();
        for suggestion in &suggestions {
            assert_eq!(suggestion.split(' ').count(), SUGGESTED_WORDS, "{suggestion}");
            assert_eq!(strength(suggestion), PasswordStrength::Strong, "{suggestion}");
        }
        let distinct: std::collections::HashSet<&String> = suggestions.iter().collect();
        assert_eq!(distinct.len(), suggestions.len());
    }

    #[test]
    fn what_people_choose_when_nobody_looks_is_weak() {
        for weak in [
            "",
            "a",
            "hunter2",
            "password",
            "Password123!",
            "P@ssw0rd2026",
            "qwertyuiop",
            "qwertzuiop123",
            "abcdefghijklmnop",
            "1234567890123456",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabcabc",
            "iloveyou2",
            "letmein!letmein!letmein!",
            "alice1984",
            "example.org2026",
            "Alice@Example.org",
            "aliceexample!!",
            "monkey monkey monkey monkey",
            "summer2026!",
            "december1999",
            "11111111111222222",
            "correct horse battery staple",
            "CorrectHorseBatteryStaple!",
            "to be or not to be, that is the question",
            "asdfghjkl;'",
            "zxcvbnm,./",
            "london1987",
            "michael jordan 23",
            "qwerty-asdfgh-zxcvbn",
            "02.06.1979anna",
            "word word is",
            "P4$$w0rd-P4$$w0rd",
        ] {
            assert_eq!(strength(weak), PasswordStrength::Weak, "{weak}: {}", bits(weak, ALICE));
        }
    }

    #[test]
    fn what_a_password_manager_makes_is_taken() {
        for good in [
            "xk7Qm2vLp9Rt",
            "uyf5vark881qf",
            "Tr0ub4dor&3-gloomy-Zebra",
            "vWq9-Rk3f-Zp7x",
            "kvhqgwxzrtpl",
            "8f3b1c9d7e2a4650",
            "gargle pushy tiling ravioli",
            "Vierzig Kamele tanzen Walzer",
        ] {
            assert_ne!(strength(good), PasswordStrength::Weak, "{good}: {}", bits(good, ALICE));
        }
    }

    #[test]
    fn anything_can_be_judged() {
        for odd in ["ß".repeat(500).as_str(), "日本語のパスワードです", "\0\0\0\0\0\0\0\0", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦"]
        {
            judge(odd, ALICE);
            judge(odd, "");
            judge(odd, odd);
        }
    }
}
