//! What every member of a group agrees on, in the group context.

use super::{Fault, suite};
use crate::identity::Fingerprint;
use openmls::prelude::{Extension, Extensions, GroupContext, UnknownExtension};
use serde::{Deserialize, Serialize};

/// The rules that this version checks before it merges a commit.
pub const RULES: u32 = 1;

/// A title's limit in bytes: the group context is part of what every message writes.
pub const MAX_TITLE: usize = 128;

const MAX_ENCODED: usize = 4096;
const MAX_ORIGIN: usize = 256;
const MAX_ADMINS: usize = 16;

/// The conversation that a group carries, and its policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The version of the rules. A client that knows only lower ones pauses the conversation.
    pub rules: u32,
    /// The conversation, which outlives its groups.
    #[serde(with = "serde_bytes")]
    pub conversation: [u8; 16],
    /// The origin of the relay that holds the log.
    pub origin: String,
    /// The title; empty for none.
    pub title: String,
    /// Who may remove others.
    pub admins: Vec<Fingerprint>,
    /// Seals what a device that should be in the group and isn't leaves in its side queue.
    #[serde(with = "serde_bytes")]
    pub knock_key: [u8; 32],
    /// The group that this one succeeds.
    pub predecessor: Option<serde_bytes::ByteBuf>,
}

impl Context {
    /// Reads it from a group context's extensions, which must be it and the required capabilities, and no others.
    pub fn read(extensions: &Extensions<GroupContext>) -> Result<Self, Fault> {
        let unknown = extensions.unknown(suite::CONTEXT).ok_or(Fault::Context("it is missing"))?;
        if unknown.0.len() > MAX_ENCODED {
            return Err(Fault::Context("it is too large"));
        }
        let context: Self = haven_wire::decode(&unknown.0).map_err(|_| Fault::Context("it is malformed"))?;
        if context.rules > RULES {
            return Err(Fault::NewerRules);
        }
        let only_known = extensions.iter().count() == 2;
        if !only_known || extensions.required_capabilities() != suite_required().as_ref() {
            return Err(Fault::Context("the required capabilities differ"));
        }
        context.check()?;
        Ok(context)
    }

    /// The extensions of a group context that holds this.
    pub fn write(&self) -> Result<Extensions<GroupContext>, Fault> {
        self.check()?;
        let bytes = haven_wire::encode(self).map_err(|_| Fault::Context("it can't be encoded"))?;
        let context = Extension::Unknown(suite::CONTEXT, UnknownExtension(bytes));
        Extensions::from_vec(vec![suite::required_capabilities(), context])
            .map_err(|_| Fault::Context("it can't be encoded"))
    }

    fn check(&self) -> Result<(), Fault> {
        if self.title.len() > MAX_TITLE || self.title.chars().any(char::is_control) {
            return Err(Fault::Context("the title is too long or has control characters"));
        }
        if self.origin.len() > MAX_ORIGIN || self.admins.len() > MAX_ADMINS {
            return Err(Fault::Context("it is too large"));
        }
        Ok(())
    }

    /// Whether a commit may change `self` into `next`: today only the title.
    pub fn check_change(&self, next: &Self) -> Result<(), Fault> {
        let same = Self { title: next.title.clone(), ..self.clone() };
        if same == *next { Ok(()) } else { Err(Fault::Context("more than the title changed")) }
    }
}

fn suite_required() -> Option<openmls::prelude::RequiredCapabilitiesExtension> {
    match suite::required_capabilities() {
        Extension::RequiredCapabilities(required) => Some(required),
        _ => None,
    }
}
