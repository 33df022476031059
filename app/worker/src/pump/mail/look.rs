//! Looks into entries of the mailbox, and at what is being written, for what is shown at a person's word and kept
//! nowhere.

use super::failure_of;
use crate::mail_worker::MailWorker;
use futures_util::future;
use haven_bridge::{Failure, Reply, mail::MailPictures};
use haven_core::{
    Opener,
    mail::{FetchedPicture, Pictured},
    request::{Caller, Rejection},
    work::{Outcome, Work},
};
use haven_wire::{
    Refusal,
    mail::{GetMail, GetPicture},
};
use std::rc::Rc;

/// Pictures that are fetched at a time.
const AT_A_TIME: usize = 6;
/// When pictures have so many bytes together, no more are fetched.
const MAX_PICTURES: usize = 12 * 1024 * 1024;

/// What is wanted of a mail.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// An attachment.
    Attachment(u32),
    /// Its HTML with pictures from elsewhere.
    Pictures,
    /// It as it came.
    Source,
    /// Its text, although it was refused.
    Unchecked,
}

/// What a look takes.
pub(super) struct Looker<C> {
    pub client: Rc<C>,
    pub worker: MailWorker,
    pub origin: String,
    pub opener: Opener,
}

impl<C: Caller> Looker<C> {
    /// Looks into the entry of this number.
    pub async fn look(&self, sequence: u64, look: Look) -> Result<Reply, Failure> {
        let fetched = self.client.call(&self.origin, &GetMail { sequence }, None).await;
        let body = fetched.map_err(|rejection| failure_of(&rejection))?.body;
        let work = match look {
            Look::Attachment(part) => self.opener.attachment(body, part),
            Look::Pictures => return self.pictures(body).await.map(Reply::MailPictures),
            Look::Source => self.opener.source(body),
            Look::Unchecked => self.opener.unchecked(body),
        };
        match self.run(work).await? {
            Outcome::File(file) => Ok(Reply::OpenedFile(file)),
            Outcome::Source(bytes) => Ok(Reply::File(bytes.into_vec())),
            Outcome::Unchecked(text) => Ok(Reply::UncheckedText(text)),
            _ => Err(broke_down()),
        }
    }

    /// How a formatted text looks.
    pub async fn preview(&self, text: String) -> Result<Reply, Failure> {
        match self.run(self.opener.preview(text)).await? {
            Outcome::Preview(html) => Ok(Reply::MailPreview(html)),
            _ => Err(broke_down()),
        }
    }

    async fn pictures(&self, body: Vec<u8>) -> Result<MailPictures, Failure> {
        let wanted = self.pictured(self.opener.pictures(body.clone(), Vec::new())).await?.missing;
        let fetched = self.fetch(&wanted).await?;
        let Pictured { html, missing } = self.pictured(self.opener.pictures(body, fetched)).await?;
        let missing = u32::try_from(missing.len()).unwrap_or(u32::MAX);
        html.map(|html| MailPictures { html, missing }).ok_or(Failure::NotFound)
    }

    async fn pictured(&self, work: Work) -> Result<Pictured, Failure> {
        match self.run(work).await? {
            Outcome::Pictures(pictured) => Ok(pictured),
            _ => Err(broke_down()),
        }
    }

    /// Fetches pictures through the relay. One that isn't there takes nothing from the others.
    async fn fetch(&self, wanted: &[String]) -> Result<Vec<FetchedPicture>, Failure> {
        let (mut fetched, mut size, mut trouble) = (Vec::new(), 0, None);
        for some in wanted.chunks(AT_A_TIME) {
            for picture in future::join_all(some.iter().map(|address| self.fetch_one(address))).await {
                match picture {
                    Ok(picture) => {
                        size += picture.bytes.len();
                        fetched.push(picture);
                    }
                    Err(rejection) => trouble = trouble.or(is_ours(&rejection).then_some(rejection)),
                }
            }
            if size >= MAX_PICTURES {
                break;
            }
        }
        match trouble {
            Some(rejection) if fetched.is_empty() => Err(failure_of(&rejection)),
            _ => Ok(fetched),
        }
    }

    async fn fetch_one(&self, address: &str) -> Result<FetchedPicture, Rejection> {
        let call = GetPicture { url: address.to_owned() };
        let picture = self.client.call(&self.origin, &call, None).await?;
        Ok(FetchedPicture {
            address: address.to_owned(),
            media_type: picture.media_type,
            bytes: picture.bytes,
        })
    }

    async fn run(&self, work: Work) -> Result<Outcome, Failure> {
        match self.worker.run(work).await {
            Some(Outcome::Failed(phrase)) => Err(Failure::Bug { phrase }),
            Some(outcome) => Ok(outcome),
            None => Err(broke_down()),
        }
    }
}

/// Whether it says something of this device or the relay, and not of a picture.
fn is_ours(rejection: &Rejection) -> bool {
    !matches!(
        rejection,
        Rejection::Refused(Refusal::NotFound | Refusal::TooLarge { .. } | Refusal::Unavailable)
    )
}

fn broke_down() -> Failure {
    Failure::Bug { phrase: "looking into a mail".into() }
}
