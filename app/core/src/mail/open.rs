//! Opening: from a mail as it came to what is shown of it.
//!
//! The order is always the same: bounds; structure; where the protected part is; decrypt whole, verify; header fields
//! from inside; content of the protected part alone. Opening a mail never fails: what is wrong is part of what is
//! shown, and a part that isn't sound is not shown.

use super::{
    Error, File, autocrypt,
    certificates::{self, Judge},
    content::{self, Content},
    decrypt::{self, Plain, Refusal, Verdict},
    envelope::{self, Envelope},
    headers::Headers,
    mime::{self, Part, too_much},
    opened::{Keys, Offer, OfferedKey, Opened},
    origin::{self, Origin},
    protection, status,
};
use crate::Millis;
use haven_bridge::mail::{HeaderDifference, MailTrouble, Protection, Signature};
use haven_wire::limits::MAX_ARRIVING_MAIL;
use sequoia_openpgp::Fingerprint;

/// A mail with the fields that the relay writes above it, in bytes.
const MAX_RAW: usize = MAX_ARRIVING_MAIL + 64 * 1024;
/// Attached certificates that are looked at.
const MAX_KEYS: usize = 8;

/// Opens the body of a mailbox's entry: takes off the relay's encryption, then opens the mail.
pub fn open_entry(body: &[u8], keys: &Keys<'_>, now: Millis) -> Result<Opened, Error> {
    Ok(open_mail(&unseal(body, keys)?, keys, now))
}

/// Takes off the relay's encryption alone.
pub fn unseal(body: &[u8], keys: &Keys<'_>) -> Result<Vec<u8>, Error> {
    // The relay writes binary packets. In anything else, such as the mail itself, Sequoia would look for armor.
    if body.first().is_none_or(|first| first & 0x80 == 0) {
        return Err(Error::Closed);
    }
    // What it encrypts isn't signed, so no time matters.
    let plain = decrypt::open(body, keys, &Judge::new(Millis::MAX))?;
    if plain.encrypted { Ok(plain.bytes) } else { Err(Error::Closed) }
}

/// Opens a mail as it is written (RFC 5322).
pub fn open_mail(raw: &[u8], keys: &Keys<'_>, now: Millis) -> Opened {
    let reader = Reader::new(keys, now);
    match parse(raw) {
        Ok(mail) => reader.look(&mail, |view| reader.show(&mail, view)),
        // Who wrote it is wanted all the more.
        Err(trouble) => match mime::head(raw) {
            Ok(head) if !head.fields.is_empty() => reader.show(&head, &View::closed(&head, trouble)),
            _ => troubled(trouble),
        },
    }
}

/// Opens an attachment of a mailbox's entry: the one that [`Opened::attachments`] gives this number.
pub fn attachment(body: &[u8], part: u32, keys: &Keys<'_>, now: Millis) -> Result<File, Error> {
    file_of(&unseal(body, keys)?, part, keys, now)
}

/// Opens an attachment of a mail as it is written.
pub fn file_of(raw: &[u8], part: u32, keys: &Keys<'_>, now: Millis) -> Result<File, Error> {
    let mail = parse(raw).map_err(|_| Error::NoSuchPart)?;
    Reader::new(keys, now).look(&mail, |view| {
        let found = view.attachment(part).ok_or(Error::NoSuchPart)?;
        let name = content::name(part, found);
        Ok(File { name, media_type: found.media_type(), bytes: found.decoded().into_owned() })
    })
}

pub(super) fn parse(raw: &[u8]) -> Result<Part<'_>, MailTrouble> {
    if raw.len() > MAX_RAW {
        return Err(too_much("bytes"));
    }
    mime::parse(raw)
        .and_then(|mail| if mail.fields.is_empty() { Err(MailTrouble::Malformed) } else { Ok(mail) })
}

/// What of a mail is looked at.
pub(super) struct View<'v> {
    /// The protected part; the whole mail if nothing is protected.
    pub payload: &'v Part<'v>,
    /// How it is protected.
    cover: Cover,
    /// The signatures.
    verdicts: Vec<Verdict>,
    /// The text of what is protected without being a MIME part.
    text: Option<String>,
    /// Why there is less to see.
    trouble: Option<MailTrouble>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Cover {
    None,
    Signed,
    Encrypted,
}

impl<'v> View<'v> {
    fn of(payload: &'v Part<'v>, cover: Cover, verdicts: Vec<Verdict>) -> Self {
        Self { payload, cover, verdicts, text: None, trouble: None }
    }

    /// A mail of which nothing but the header is shown.
    fn closed(mail: &'v Part<'v>, trouble: MailTrouble) -> Self {
        Self { trouble: Some(trouble), text: Some(String::new()), ..Self::of(mail, Cover::None, Vec::new()) }
    }

    /// A mail with a text that is protected by itself.
    fn inline(mail: &'v Part<'v>, cover: Cover, verdicts: Vec<Verdict>, text: String) -> Self {
        Self { text: Some(text), ..Self::of(mail, cover, verdicts) }
    }

    fn is_open(&self) -> bool {
        self.trouble.is_none()
    }

    /// Whether parts of it are shown, as they also are beside a quoted message that isn't for this person.
    pub(super) fn shows_parts(&self) -> bool {
        self.is_open() || self.text.is_none()
    }

    /// Whether its HTML is shown.
    pub(super) fn shows_html(&self) -> bool {
        self.text.is_none()
    }

    /// The attachment with this number.
    pub(super) fn attachment(&self, number: u32) -> Option<&'v Part<'v>> {
        content::part(self.payload, number).filter(|_| self.shows_parts())
    }

    fn content(&self) -> Content {
        match &self.text {
            Some(_) if !self.is_open() => Content::default(),
            Some(text) => {
                let attachments = content::of(self.payload).attachments;
                Content { text: text.replace("\r\n", "\n"), attachments, ..Content::default() }
            }
            None => content::of(self.payload),
        }
    }
}

pub(super) struct Reader<'r> {
    pub keys: Keys<'r>,
    pub judge: Judge<'r>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(keys: &Keys<'r>, now: Millis) -> Self {
        Self { keys: *keys, judge: Judge::new(now) }
    }
}

impl Reader<'_> {
    /// Finds the protected part of a mail, opens it, and hands it on.
    pub(super) fn look<T>(&self, mail: &Part<'_>, then: impl FnOnce(&View<'_>) -> T) -> T {
        match envelope::find(mail) {
            Envelope::None => then(&View::of(mail, Cover::None, Vec::new())),
            Envelope::Encrypted(message) => self.look_inside(mail, &message, then),
            Envelope::Signed { payload, signature } => {
                then(&View::of(payload, Cover::Signed, self.verify(payload, &signature)))
            }
            Envelope::InlineEncrypted { part, message } => then(&self.inline(mail, part, &message)),
            Envelope::InlineSigned { part, message } => then(&self.inline_signed(mail, part, &message)),
        }
    }

    fn look_inside<T>(&self, mail: &Part<'_>, message: &[u8], then: impl FnOnce(&View<'_>) -> T) -> T {
        let plain = match decrypt::open(message, &self.keys, &self.judge) {
            Ok(plain) if plain.encrypted => plain,
            Ok(_) => return then(&View::closed(mail, MailTrouble::NotIntact)),
            Err(refusal) => return then(&View::closed(mail, trouble(&refusal))),
        };
        match mime::parse(&plain.bytes) {
            Ok(root) if root.fields.is_empty() => {
                let text = String::from_utf8_lossy(&plain.bytes).into_owned();
                then(&View::inline(mail, Cover::Encrypted, plain.verdicts, text))
            }
            Ok(root) => {
                // Two layers, the signature in a part of its own, as Enigmail could be told to write them.
                let inner = envelope::signed(&root).filter(|_| plain.verdicts.is_empty());
                let view = match inner {
                    Some((payload, signature)) => {
                        View::of(payload, Cover::Encrypted, self.verify(payload, &signature.decoded()))
                    }
                    None => View::of(&root, Cover::Encrypted, plain.verdicts),
                };
                then(&view)
            }
            Err(trouble) => then(&View::closed(mail, trouble)),
        }
    }

    fn verify(&self, payload: &Part<'_>, signature: &[u8]) -> Vec<Verdict> {
        decrypt::verify(signature, payload.whole, &self.keys, &self.judge)
    }

    fn inline<'v>(&self, mail: &'v Part<'v>, part: &Part<'_>, message: &[u8]) -> View<'v> {
        match decrypt::open(message, &self.keys, &self.judge) {
            Ok(Plain { bytes, verdicts, encrypted }) => {
                let cover = if encrypted { Cover::Encrypted } else { Cover::Signed };
                // OpenPGP texts are UTF-8, but older programs left the part's charset.
                let text = String::from_utf8(bytes).unwrap_or_else(|error| part.text_of(error.as_bytes()));
                View::inline(mail, cover, verdicts, text)
            }
            // Somebody quotes a message that isn't for this person: the rest of the mail can be read.
            Err(Refusal::NoKey) => {
                View { trouble: Some(MailTrouble::NoKey), ..View::of(mail, Cover::None, Vec::new()) }
            }
            Err(refusal) => View::closed(mail, trouble(&refusal)),
        }
    }

    fn inline_signed<'v>(&self, mail: &'v Part<'v>, part: &Part<'_>, message: &[u8]) -> View<'v> {
        match decrypt::read_signed_text(message, &self.keys, &self.judge) {
            Some((bytes, verdicts)) => View::inline(mail, Cover::Signed, verdicts, part.text_of(&bytes)),
            None => View::of(mail, Cover::None, vec![Verdict::Invalid("the signature can't be read")]),
        }
    }

    /// Puts together what is shown.
    fn show(&self, mail: &Part<'_>, view: &View<'_>) -> Opened {
        let outside = Headers::of(mail);
        let (headers, differences) = self.headers(&outside, view);
        let origin = origin::read(mail, outside.sender());
        let content = view.content();
        Opened {
            protection: protection(view, &origin),
            signature: self.signature(&view.verdicts, headers.sender()),
            keys: self.offered(mail, view, &headers),
            status: status::of(mail),
            trouble: view.trouble.clone().or(content.trouble),
            message_id: headers.message_id,
            in_reply_to: headers.in_reply_to,
            references: headers.references,
            from: headers.from,
            reply_to: headers.reply_to,
            to: headers.to,
            cc: headers.cc,
            subject: headers.subject.unwrap_or_default(),
            date: headers.date,
            received: origin.received,
            differences,
            sender: origin.sender,
            text: content.text,
            html: content.html,
            remote_content: content.remote_content,
            attachments: content.attachments,
        }
    }

    /// Who signed what belongs to a mail.
    pub(super) fn signed(&self, mail: &Part<'_>, view: &View<'_>, verdicts: &[Verdict]) -> Signature {
        self.signature(verdicts, self.headers(&Headers::of(mail), view).0.sender())
    }

    /// The header fields, and where those outside differ. A bad signature protects none.
    fn headers(&self, outside: &Headers, view: &View<'_>) -> (Headers, Vec<HeaderDifference>) {
        let bad = |verdict: &Verdict| matches!(verdict, Verdict::Invalid(_));
        let unprotected = match view.cover {
            Cover::None => true,
            Cover::Signed => view.verdicts.iter().all(bad),
            Cover::Encrypted => false,
        };
        if unprotected || view.text.is_some() {
            return (outside.clone(), Vec::new());
        }
        let encrypted = view.cover == Cover::Encrypted;
        let mut shown = protection::shown(outside, view.payload);
        let mut differences = protection::differences(outside, view.payload, encrypted);
        let writer = protection::writer(outside, &shown);
        if let Some(difference) = writer.filter(|_| !self.is_signed_by(&view.verdicts, shown.sender())) {
            // Anybody can encrypt a mail in somebody else's name. The relay has checked the writer outside.
            shown.from.clone_from(&outside.from);
            differences.retain(|other| other.name != difference.name);
            differences.insert(0, difference);
        }
        (shown, differences)
    }

    fn is_signed_by(&self, verdicts: &[Verdict], sender: Option<&str>) -> bool {
        matches!(self.signature(verdicts, sender), Signature::Valid { by_sender: true, .. })
    }

    /// The best of the signatures.
    fn signature(&self, verdicts: &[Verdict], sender: Option<&str>) -> Signature {
        let all = verdicts.iter().map(|verdict| match verdict {
            Verdict::Valid(by) => {
                let by_sender = sender.is_some_and(|sender| self.is_known(by, sender));
                Signature::Valid { fingerprint: by.to_hex(), by_sender }
            }
            Verdict::Unknown(issuer) => Signature::UnknownKey { issuer: issuer.clone() },
            Verdict::Invalid(why) => Signature::Invalid { why: (*why).to_owned() },
        });
        let rank = |signature: &Signature| match signature {
            Signature::Valid { by_sender: true, .. } => 0,
            Signature::Valid { .. } => 1,
            Signature::UnknownKey { .. } => 2,
            Signature::Invalid { .. } => 3,
            Signature::None => 4,
        };
        all.min_by_key(rank).unwrap_or(Signature::None)
    }

    /// Whether a certificate is the known one of an address.
    fn is_known(&self, fingerprint: &Fingerprint, address: &str) -> bool {
        let own = self.keys.own.iter().map(|own| (own.address(), Some(own.cert().fingerprint())));
        let known = self.keys.known.iter();
        let known =
            known.map(|known| (known.address.as_str(), certificates::fingerprint(&known.certificate)));
        own.chain(known).any(|(whose, found)| {
            whose.eq_ignore_ascii_case(address) && found.is_some_and(|found| found == *fingerprint)
        })
    }

    /// The certificates that came with a mail.
    fn offered(&self, mail: &Part<'_>, view: &View<'_>, headers: &Headers) -> Vec<OfferedKey> {
        if !view.is_open() || mail.is("multipart/report") {
            return Vec::new();
        }
        let own = autocrypt::offered(view.payload, &headers.from);
        let mut keys: Vec<OfferedKey> =
            own.or_else(|| autocrypt::offered(mail, &headers.from)).into_iter().collect();
        if view.cover == Cover::Encrypted {
            let others: Vec<_> =
                [&headers.to, &headers.cc, &headers.reply_to].into_iter().flatten().cloned().collect();
            keys.extend(autocrypt::gossiped(view.payload, &others));
        }
        keys.extend(self.attached(view.payload, headers.sender()));
        keys
    }

    fn attached(&self, payload: &Part<'_>, sender: Option<&str>) -> Vec<OfferedKey> {
        let files = content::attachments(payload).into_iter().filter(|part| part.is("application/pgp-keys"));
        let certs = files.take(MAX_KEYS).flat_map(|part| certificates::split(&part.decoded())).take(MAX_KEYS);
        let offer = |certificate: Vec<u8>| {
            let addresses = self.judge.addresses(&certificates::read(&certificate)?);
            let by_sender =
                sender.and_then(|sender| addresses.iter().find(|own| own.eq_ignore_ascii_case(sender)));
            let address = by_sender.or(addresses.first())?.clone();
            Some(OfferedKey { address, certificate, how: Offer::Attached })
        };
        certs.filter_map(offer).collect()
    }
}

fn protection(view: &View<'_>, origin: &Origin) -> Protection {
    if view.cover == Cover::Encrypted {
        Protection::EndToEnd
    } else if origin.arrived {
        Protection::OnArrival
    } else {
        Protection::Clear
    }
}

fn trouble(refusal: &Refusal) -> MailTrouble {
    match refusal {
        Refusal::NoKey => MailTrouble::NoKey,
        Refusal::NotIntact => MailTrouble::NotIntact,
        Refusal::TooMuch(what) => too_much(what),
    }
}

/// A mail of which nothing can be shown.
fn troubled(trouble: MailTrouble) -> Opened {
    Opened { protection: Protection::OnArrival, trouble: Some(trouble), ..Opened::default() }
}
