//! ASCII armor (RFC 9580, section 6.2) around large messages.
//!
//! Sequoia reads and writes armor as well, byte by byte, for whatever people paste. A mail's armor is long and plain;
//! base64 in whole lines is much faster (`cargo xtask bench mail`, p7). What is not the plain kind is left for Sequoia.

use crc::{CRC_24_OPENPGP, Crc, Table};
use encodify::base64::{self, Base64, LineEnding};

const BEGIN: &str = "-----BEGIN PGP MESSAGE-----";
const END: &str = "-----END PGP MESSAGE-----";
const LINES: Base64 = base64::STANDARD.wrapped(64, LineEnding::CrLf);
/// Older programs want the checksum. Nobody is protected by it.
const CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_24_OPENPGP);
/// Header fields of an armor.
const MAX_FIELDS: usize = 20;

/// Appends a message to `out` in armor, with CRLF.
pub(super) fn write(message: &[u8], out: &mut Vec<u8>) {
    out.reserve(LINES.encoded_len(message.len()) + 100);
    out.extend_from_slice(format!("{BEGIN}\r\n\r\n").as_bytes());
    LINES.encode_append(message, out);
    let [_, checksum @ ..] = CHECKSUM.checksum(message).to_be_bytes();
    let checksum = base64::STANDARD.encode(checksum);
    out.extend_from_slice(format!("={checksum}\r\n{END}\r\n").as_bytes());
}

/// The message in an armor of the plain kind, with nothing before or after it.
pub(super) fn read(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii().strip_prefix(BEGIN.as_bytes())?.strip_suffix(END.as_bytes())?;
    let body = without_checksum(without_fields(text)?.trim_ascii());
    let unpadded = body.strip_suffix(b"==").or(body.strip_suffix(b"=")).unwrap_or(body);
    if unpadded.is_empty() || unpadded.contains(&b'=') {
        return None;
    }
    base64::LENIENT.decode(body).ok()
}

/// What comes after the empty line.
fn without_fields(text: &[u8]) -> Option<&[u8]> {
    let mut lines = text.splitn(MAX_FIELDS + 2, |byte| *byte == b'\n');
    let mut at = 0;
    // The rest of the first line.
    let first = lines.next().filter(|line| line.trim_ascii().is_empty())?;
    at += first.len() + 1;
    for line in lines {
        at += line.len() + 1;
        if line.trim_ascii().is_empty() {
            return text.get(at..);
        }
        line.windows(2).find(|pair| *pair == b": ")?;
    }
    None
}

/// Without a last line `=abcd`.
fn without_checksum(body: &[u8]) -> &[u8] {
    match body {
        [rest @ .., b'\n', b'=', _, _, _, _] => rest.trim_ascii_end(),
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sequoia_openpgp::armor::{Kind, Reader, ReaderMode, Writer};
    use std::io::{Read as _, Write as _};

    fn sequoia(message: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = Writer::with_headers(Vec::new(), Kind::Message, fields.iter().copied()).unwrap();
        writer.write_all(message).unwrap();
        writer.finalize().unwrap()
    }

    fn messages() -> impl Iterator<Item = Vec<u8>> {
        let sizes = [1, 2, 3, 47, 48, 49, 50, 95, 96, 97, 1000, 100_000];
        sizes.into_iter().map(|size| (0..size).map(|at: usize| (at * 7 + at / 256) as u8).collect())
    }

    #[test]
    fn what_is_written_is_what_sequoia_writes() {
        for message in messages() {
            let mut ours = Vec::new();
            write(&message, &mut ours);
            let ours = String::from_utf8(ours).unwrap();
            assert!(!ours.replace("\r\n", "").contains(['\r', '\n']), "lines end with CRLF");
            assert_eq!(ours.replace("\r\n", "\n").into_bytes(), sequoia(&message, &[]), "{}", message.len());
            let mut reader = Reader::from_bytes(ours.as_bytes(), ReaderMode::Tolerant(Some(Kind::Message)));
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            assert_eq!(read, message);
        }
    }

    #[test]
    fn what_sequoia_writes_is_read_with_any_line_ends_and_fields() {
        for message in messages() {
            for fields in [&[][..], &[("Version", "1"), ("Comment", "two words")]] {
                let text = String::from_utf8(sequoia(&message, fields)).unwrap();
                let (before, _checksum) = text.rsplit_once("\n=").unwrap();
                let plain = format!("{before}\n{END}");
                for text in [&text, &text.replace('\n', "\r\n"), &plain, &format!("\n{text}\n\n")] {
                    assert_eq!(read(text.as_bytes()).unwrap(), message, "{text}");
                }
            }
        }
    }

    #[test]
    fn everything_else_is_left_for_sequoia() {
        let text = String::from_utf8(sequoia(&[7; 100], &[])).unwrap();
        let spoiled = [
            String::new(),
            BEGIN.to_owned(),
            format!("{BEGIN}\n{END}"),
            format!("{BEGIN}\n\n{END}"),
            text.replace("\n\n", "\n"),
            text.replace("BwcH", "B=cH"),
            text.replace("BwcH", "B-cH"),
            text.replace(END, ""),
            text.replace("MESSAGE", "SIGNATURE"),
            format!("Hello.\n{text}"),
            format!("{text}Bye.\n"),
            format!("{text}{text}"),
            text.lines().map(|line| format!("> {line}\n")).collect(),
        ];
        for text in spoiled {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
