//! A mail on its way in, to its end.
//!
//! Lines end with CRLF, and the mail with `CRLF . CRLF`. A server that takes anything else for an end lets others put
//! a second mail into the first (SMTP smuggling, CVE-2023-51764). So a mail with a bare CR or LF is read to its true
//! end and refused whole, and its session is over; nothing in it or after it is taken for a command.

use haven_wire::limits::MAX_ARRIVING_MAIL;

/// Longest line, without its line end. RFC 5322 allows 998, and some senders don't care.
const MAX_LINE: usize = 16 * 1024;

/// Why a mail can't be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A CR without LF, an LF without CR, or a NUL.
    Bare,
    /// A line is too long.
    Long,
    /// The mail is too large.
    Large,
    /// There is no memory for it now.
    NoRoom,
}

/// Where in a line the last byte was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Start,
    /// After a dot at the start, which is not part of the mail.
    Dot,
    /// After that and a CR.
    DotCr,
    Middle,
    Cr,
}

/// A mail as far as it came.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
    at: At,
    line: usize,
    fault: Option<Fault>,
    /// Bytes that came, also of a mail that is refused.
    came: usize,
}

impl Default for Content {
    fn default() -> Self {
        Self { bytes: Vec::new(), at: At::Start, line: 0, fault: None, came: 0 }
    }
}

impl Content {
    /// Takes bytes after DATA. Answers how many it used, and whether the end was among them.
    pub fn take(&mut self, input: &[u8]) -> (usize, bool) {
        for (index, byte) in input.iter().enumerate() {
            if self.take_byte(*byte) {
                self.came += index + 1;
                return (index + 1, true);
            }
        }
        self.came += input.len();
        (input.len(), false)
    }

    fn take_byte(&mut self, byte: u8) -> bool {
        match (self.at, byte) {
            (At::DotCr, b'\n') => return true,
            (At::Start, b'.') => self.at = At::Dot,
            (At::Dot, b'\r') => self.at = At::DotCr,
            (At::DotCr, _) => {
                self.fail(Fault::Bare);
                self.at = if byte == b'\r' { At::Cr } else { At::Middle };
            }
            _ => self.push(byte),
        }
        false
    }

    /// Takes a chunk (RFC 3030), in which dots mean nothing.
    pub fn take_chunk(&mut self, chunk: &[u8]) {
        chunk.iter().for_each(|byte| self.push(*byte));
        self.came += chunk.len();
    }

    fn push(&mut self, byte: u8) {
        match (self.at, byte) {
            (At::Cr, b'\n') => self.at = At::Start,
            (At::Cr, b'\r') => self.fail(Fault::Bare),
            (_, b'\r') => self.at = At::Cr,
            (At::Cr, _) | (_, b'\n' | 0) => {
                self.fail(Fault::Bare);
                self.at = At::Middle;
            }
            _ => self.at = At::Middle,
        }
        self.line = if self.at == At::Start { 0 } else { self.line + 1 };
        if self.line > MAX_LINE + 1 {
            self.fail(Fault::Long);
        }
        if self.bytes.len() >= MAX_ARRIVING_MAIL {
            self.fail(Fault::Large);
        }
        if self.fault.is_none() {
            self.bytes.push(byte);
        }
    }

    /// Refuses the mail, and forgets it. The first reason counts.
    pub fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.bytes = Vec::new();
    }

    /// Bytes that are kept.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that came, also of a mail that is refused.
    pub fn came(&self) -> usize {
        self.came
    }

    /// The mail, once it is whole.
    pub fn finish(mut self) -> Result<Vec<u8>, Fault> {
        if self.at == At::Cr {
            self.fail(Fault::Bare);
        }
        self.fault.map_or(Ok(self.bytes), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Result<Vec<u8>, Fault>, Vec<u8>);

    /// What comes of the bytes after DATA: the mail, and what is left for the next command.
    fn read(input: &[u8]) -> Option<Read> {
        let mut content = Content::default();
        let (used, ended) = content.take(input);
        ended.then(|| (content.finish(), input[used..].to_vec()))
    }

    #[test]
    fn a_mail_ends_with_a_dot_on_a_line_of_its_own() {
        for (input, mail) in [
            ("a\r\n.\r\n", "a\r\n"),
            (".\r\n", ""),
            ("..\r\n.\r\n", ".\r\n"),
            ("..a\r\n...\r\n.\r\n", ".a\r\n..\r\n"),
            (".a\r\n.\r\n", "a\r\n"),
            ("a.\r\n.\r\n", "a.\r\n"),
            ("\r\n\r\n.\r\n", "\r\n\r\n"),
        ] {
            let whole = format!("{input}QUIT\r\n");
            let (content, rest) = read(whole.as_bytes()).unwrap();
            assert_eq!((content.unwrap(), rest), (mail.into(), b"QUIT\r\n".to_vec()), "{input:?}");
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_mail() {
        let input = b"From: a\r\n\r\n..\r\n.b\r\ncc\r\n.\r\n";
        for size in 1..input.len() {
            let mut content = Content::default();
            let ended: Vec<_> = input.chunks(size).map(|piece| content.take(piece).1).collect();
            assert!(ended.last().unwrap() & !ended[..ended.len() - 1].contains(&true));
            assert_eq!(content.finish().unwrap(), b"From: a\r\n\r\n.\r\nb\r\ncc\r\n", "{size}");
        }
    }

    /// The ends that other servers were found to accept, each before a second mail.
    #[test]
    fn what_only_some_servers_take_for_an_end_is_none_and_the_mail_is_refused() {
        for end in [
            "\n.\n",
            "\r\n.\n",
            "\n.\r\n",
            "\r.\r",
            "\r\n.\r",
            "\r.\r\n",
            "\r\n.\r\r\n",
            "\n\n.\r\n",
            "\r\n\0.\r\n",
            "\r\n.\0\r\n",
        ] {
            let second = "MAIL FROM:<eve@example.org>\r\nDATA\r\nsecond";
            let whole = format!("first{end}{second}\r\n.\r\nQUIT\r\n");
            let (content, rest) = read(whole.as_bytes()).unwrap();
            assert_eq!(content, Err(Fault::Bare), "{end:?}");
            assert_eq!(rest, b"QUIT\r\n", "{end:?}");
        }
        assert!(read(b"first\n.\nQUIT\r\n").is_none());
    }

    #[test]
    fn sizes_are_bounded() {
        let line = |length| format!("{}\r\n.\r\n", "a".repeat(length));
        assert!(read(line(MAX_LINE).as_bytes()).unwrap().0.is_ok());
        assert_eq!(read(line(MAX_LINE + 1).as_bytes()).unwrap().0, Err(Fault::Long));
        let mut content = Content::default();
        let piece = "0123456789abcd\r\n".repeat(4096);
        for _ in 0..MAX_ARRIVING_MAIL / piece.len() {
            content.take(piece.as_bytes());
        }
        assert_eq!((content.len(), content.fault), (MAX_ARRIVING_MAIL, None));
        content.take(b"a");
        assert_eq!((content.len(), content.came()), (0, MAX_ARRIVING_MAIL + 1));
        assert_eq!(content.finish(), Err(Fault::Large));
    }

    #[test]
    fn in_chunks_dots_mean_nothing() {
        let mut content = Content::default();
        content.take_chunk(b"a\r\n.\r\n..b\r");
        content.take_chunk(b"\nlast");
        assert_eq!(content.finish().unwrap(), b"a\r\n.\r\n..b\r\nlast");
        let mut content = Content::default();
        content.take_chunk(b"a\r");
        assert_eq!(content.finish(), Err(Fault::Bare));
    }
}
