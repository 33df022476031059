//! What is said in a session: RFC 5321 codes with RFC 3463 details. No reply repeats what the other side said.

use crate::mail::arrival;
use haven_wire::limits::MAX_ARRIVING_MAIL;
use std::borrow::Cow;

/// A reply, without its last line end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply(pub Cow<'static, str>);

macro_rules! replies {
    ($($name:ident: $text:literal;)*) => {
        #[allow(missing_docs, reason = "the texts say it")]
        impl Reply {
            $(pub const $name: Self = Self(Cow::Borrowed($text));)*
        }
    };
}

replies! {
    BYE: "221 2.0.0 Bye";
    READY_FOR_TLS: "220 2.0.0 Go ahead";
    DONE: "250 2.0.0 OK";
    SENDER_OK: "250 2.1.0 OK";
    RECIPIENT_OK: "250 2.1.5 OK";
    TAKEN: "250 2.0.0 Taken, encrypted and stored";
    CHUNK_OK: "250 2.0.0 OK, go on";
    NOT_SAID: "252 2.5.2 Send mail and see";
    GO_ON: "354 End with a dot on a line of its own";
    BUSY: "421 4.7.0 Too many sessions";
    TOO_SLOW: "421 4.4.2 That took too long";
    TOO_MANY_ERRORS: "421 4.7.0 Too many errors";
    TOO_EARLY: "421 4.7.0 Wait for the reply";
    TOO_MANY_COMMANDS: "421 4.7.0 Too many commands";
    NO_KEY: "450 4.2.1 The certificate of this mailbox can't be used at present";
    SLOW_DOWN: "450 4.7.1 Too many recipients from your network";
    CANT_STORE: "451 4.3.0 Nothing can be stored at present";
    CANT_JUDGE: "451 4.4.3 The sender can't be checked at present";
    FULL: "452 4.2.2 The mailbox is full";
    NO_ROOM: "452 4.3.1 Too much mail at once";
    TOO_MANY_RECIPIENTS: "452 4.5.3 Too many recipients";
    NO_TLS_NOW: "454 4.7.0 TLS is not available at present";
    LINE_TOO_LONG: "500 5.5.2 Line too long";
    BAD_LINE: "500 5.5.2 Lines end with CRLF, and hold no other CR, LF or NUL";
    UNKNOWN: "500 5.5.1 Unknown command";
    SYNTAX: "501 5.5.4 Syntax error";
    BAD_SENDER: "501 5.1.7 Bad sender address";
    BAD_RECIPIENT: "501 5.1.3 Bad recipient address";
    NOT_HERE: "502 5.5.1 Not implemented";
    HELLO_FIRST: "503 5.5.1 Say EHLO first";
    MAIL_FIRST: "503 5.5.1 Say MAIL first";
    RECIPIENT_FIRST: "503 5.5.1 No valid recipients";
    NOT_NOW: "503 5.5.1 Not now";
    NO_SUCH_USER: "550 5.1.1 No such mailbox";
    NO_RELAY: "550 5.7.1 Relaying is not allowed";
    FORGED: "550 5.7.26 The domain in From wants mail like this refused (DMARC)";
    MALFORMED: "550 5.6.0 The header section is malformed, or the mail goes in circles";
    BAD_CONTENT: "550 5.6.0 Lines end with CRLF, and hold no other CR, LF or NUL";
    LONG_CONTENT: "550 5.6.0 A line is too long";
    TOO_LARGE: "552 5.3.4 The mail is too large";
    NO_BINARY: "555 5.5.4 BINARYMIME is not supported";
}

impl Reply {
    /// The greeting.
    pub fn greeting(hostname: &str) -> Self {
        Self(format!("220 {hostname} ESMTP Haven").into())
    }

    /// The answer to HELO.
    pub fn helo(hostname: &str) -> Self {
        Self(format!("250 {hostname}").into())
    }

    /// The answer to EHLO, with these extensions beside the usual ones.
    pub fn ehlo(hostname: &str, more: &[Option<&str>]) -> Self {
        let more: String = more.iter().flatten().map(|extension| format!("250-{extension}\r\n")).collect();
        Self(
            format!(
                "250-{hostname}\r\n250-PIPELINING\r\n250-SIZE {MAX_ARRIVING_MAIL}\r\n250-8BITMIME\r\n\
                 250-SMTPUTF8\r\n250-CHUNKING\r\n{more}250 ENHANCEDSTATUSCODES"
            )
            .into(),
        )
    }

    /// Whether it says that something was wrong.
    pub fn is_error(&self) -> bool {
        self.0.starts_with(['4', '5'])
    }

    /// Whether the session is over: whatever comes after a mail with strange line ends may be a part of it.
    pub fn is_last(&self) -> bool {
        self.0.starts_with("421") || self.0.starts_with("221") || *self == Self::BAD_CONTENT
    }
}

impl From<arrival::Error> for Reply {
    fn from(error: arrival::Error) -> Self {
        match error {
            arrival::Error::Full => Self::FULL,
            arrival::Error::NoKey => Self::NO_KEY,
            arrival::Error::Failed => Self::CANT_STORE,
        }
    }
}
