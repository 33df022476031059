//! MLS (RFC 9420) with OpenMLS: what is stored, what is in leaves and group contexts, and which commits are merged.

mod context;
pub(crate) mod members;
mod packed;
mod pieces;
mod provider;
pub(crate) mod rules;
pub(crate) mod storage;
pub(crate) mod suite;

pub(crate) use context::{Context, MAX_TITLE, RULES};
pub(crate) use members::Members;
pub(crate) use provider::Provider;

/// What is wrong with a leaf, a group or a commit of somebody else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    /// A device attestation.
    #[error("a device attestation is wrong: {0}")]
    Attestation(&'static str),
    /// The conversation's context.
    #[error("the conversation's context is wrong: {0}")]
    Context(&'static str),
    /// Who is in the group, or who changed that.
    #[error("{0}")]
    Membership(&'static str),
    /// The rules are newer than this version of Haven.
    #[error("the conversation needs a newer version of Haven")]
    NewerRules,
}
