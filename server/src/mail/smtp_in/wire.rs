//! Lines and bytes of a session, within their lengths and times.

use super::reply::Reply;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    time::{Instant, timeout, timeout_at},
};

/// How long a command or a reply is waited for (RFC 5321, section 4.5.3.2).
pub const COMMAND_WITHIN: Duration = Duration::from_secs(5 * 60);
/// How long the next piece of a mail is waited for.
pub const PIECE_WITHIN: Duration = Duration::from_secs(3 * 60);
/// How long a session may last.
pub const SESSION_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Longest command, with its line end.
pub const MAX_COMMAND: usize = 2048;
/// Bytes that are read at once.
const BUFFER: usize = 16 * 1024;

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gone {
    /// The other side hung up.
    Closed,
    /// It took too long.
    Slow,
}

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// A line as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// With its CRLF, and without any other CR, LF or NUL.
    Good(Vec<u8>),
    /// It ends otherwise, or holds what a line doesn't.
    Bad,
    /// Longer than [`MAX_COMMAND`]. It was passed over.
    Long,
}

/// One side of a session.
pub struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    end: Instant,
}

impl Wire {
    /// A session that begins now.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream: BufReader::with_capacity(BUFFER, stream), end: Instant::now() + SESSION_WITHIN }
    }

    /// The same session over another stream, which is made of this one's. What was read ahead is forgotten.
    pub fn replace(self) -> (Box<dyn Stream>, impl FnOnce(Box<dyn Stream>) -> Self) {
        let end = self.end;
        let again = move |stream| Self { stream: BufReader::with_capacity(BUFFER, stream), end };
        (self.stream.into_inner(), again)
    }

    /// Whether something came already that was not read yet.
    pub fn has_more(&self) -> bool {
        !self.stream.buffer().is_empty()
    }

    /// The next line.
    pub async fn line(&mut self) -> Result<Line, Gone> {
        let within = self.end.min(Instant::now() + COMMAND_WITHIN);
        timeout_at(within, self.read_line()).await.map_err(|_| Gone::Slow)?
    }

    async fn read_line(&mut self) -> Result<Line, Gone> {
        let mut line = Vec::new();
        let mut long = false;
        loop {
            let buffer = self.stream.fill_buf().await?;
            if buffer.is_empty() {
                return Err(Gone::Closed);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            long |= line.len() + piece.len() > MAX_COMMAND;
            if !long {
                line.extend_from_slice(piece);
            }
            let taken = piece.len();
            self.stream.consume(taken);
            if end.is_some() {
                return Ok(if long { Line::Long } else { judged(line) });
            }
        }
    }

    /// Hands the bytes that come next to `take`, which says how many it used.
    pub async fn bytes(&mut self, take: impl FnOnce(&[u8]) -> usize) -> Result<(), Gone> {
        let within = self.end.min(Instant::now() + PIECE_WITHIN);
        let buffer = timeout_at(within, self.stream.fill_buf()).await.map_err(|_| Gone::Slow)??;
        if buffer.is_empty() {
            return Err(Gone::Closed);
        }
        let used = take(buffer);
        self.stream.consume(used);
        Ok(())
    }

    /// Sends a reply.
    pub async fn send(&mut self, reply: &Reply) -> Result<(), Gone> {
        let bytes = format!("{}\r\n", reply.0);
        let sent = async {
            self.stream.write_all(bytes.as_bytes()).await?;
            self.stream.flush().await
        };
        Ok(timeout(COMMAND_WITHIN, sent).await.map_err(|_| Gone::Slow)??)
    }
}

fn judged(line: Vec<u8>) -> Line {
    let good = line
        .strip_suffix(b"\r\n")
        .is_some_and(|text| !text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')));
    if good { Line::Good(line) } else { Line::Bad }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{DuplexStream, duplex};

    fn wire() -> (Wire, DuplexStream) {
        let (near, far) = duplex(64 * 1024);
        (Wire::new(Box::new(near)), far)
    }

    #[tokio::test]
    async fn lines_are_told_apart_and_judged() {
        let (mut wire, mut far) = wire();
        let long = format!("{}\r\n", "a".repeat(MAX_COMMAND - 1));
        let longest = format!("{}\r\n", "a".repeat(MAX_COMMAND - 2));
        let all = format!("NOOP\r\nbare\nwith\rin\r\n\0\r\n{long}{longest}\r\nno end");
        far.write_all(all.as_bytes()).await.unwrap();
        drop(far);
        assert_eq!(wire.line().await, Ok(Line::Good(b"NOOP\r\n".to_vec())));
        for expected in [Line::Bad, Line::Bad, Line::Bad, Line::Long] {
            assert_eq!(wire.line().await, Ok(expected));
        }
        assert_eq!(wire.line().await, Ok(Line::Good(longest.into())));
        assert_eq!(wire.line().await, Ok(Line::Good(b"\r\n".to_vec())));
        assert_eq!(wire.line().await, Err(Gone::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_a_line_byte_by_byte_has_no_more_time_than_others() {
        let (mut wire, mut far) = wire();
        let begun = Instant::now();
        let slow = tokio::spawn(async move {
            while far.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
        assert_eq!(wire.line().await, Err(Gone::Slow));
        assert_eq!(begun.elapsed(), COMMAND_WITHIN);
        slow.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_stays_longer_than_a_session() {
        let (mut wire, mut far) = wire();
        let begun = Instant::now();
        let slow = tokio::spawn(async move {
            while far.write_all(b"NOOP\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        });
        while wire.line().await.is_ok() {}
        assert_eq!(begun.elapsed(), SESSION_WITHIN);
        slow.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_no_reply_is_left() {
        let (near, _far) = duplex(4);
        let mut wire = Wire::new(Box::new(near));
        assert_eq!(wire.send(&Reply::DONE).await, Err(Gone::Slow));
    }
}
