//! Which commits are merged.
//!
//! [`check`] is a pure function of the commit, the tree and the group context: no clock, no network, no stored
//! opinion, no settings. Otherwise members who catch up later would decide differently, and the group would fork.

use super::{Context, Fault, Members};
use crate::identity::AttestationClaim;
use openmls::prelude::*;

/// What a commit changes, once it has passed the rules.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Whom it adds.
    pub added: Vec<AttestationClaim>,
    /// Which leaves it removes.
    pub removed: Vec<u32>,
    /// The context after it.
    pub context: Context,
}

/// How the claim of a leaf in a commit is read: [`super::members::verify_leaf`], or, when all its leaves have been
/// verified on this device, [`super::members::read_leaf`].
pub type ReadLeaf = fn(&LeafNode) -> Result<AttestationClaim, Fault>;

/// Checks a commit of the member at leaf `committer`.
pub fn check(
    context: &Context,
    members: &Members,
    committer: LeafNodeIndex,
    commit: &StagedCommit,
    read_leaf: ReadLeaf,
) -> Result<Effect, Fault> {
    let committing = members.get(committer).ok_or(Fault::Membership("the committer has no leaf"))?;
    for proposal in commit.queued_proposals() {
        check_kind(proposal, committer)?;
    }
    check_path(committing, commit, read_leaf)?;
    let removed: Vec<u32> =
        commit.remove_proposals().map(|proposal| proposal.remove_proposal().removed().u32()).collect();
    check_removals(context, members, committing, &removed)?;
    let added = commit.add_proposals().map(|add| read_leaf(add.add_proposal().key_package().leaf_node()));
    let added = added.collect::<Result<Vec<_>, _>>()?;
    check_result(members, &removed, &added)?;
    let next = Context::read(commit.group_context().extensions())?;
    context.check_change(&next)?;
    Ok(Effect { added, removed, context: next })
}

/// Adds, removals and changes of the context, by value and by the committer itself: nothing else.
fn check_kind(proposal: &QueuedProposal, committer: LeafNodeIndex) -> Result<(), Fault> {
    let known = matches!(
        proposal.proposal(),
        Proposal::Add(_) | Proposal::Remove(_) | Proposal::GroupContextExtensions(_)
    );
    if !known || *proposal.sender() != Sender::Member(committer) {
        return Err(Fault::Membership("the commit holds a proposal of a kind that is not allowed"));
    }
    Ok(())
}

/// A fresh leaf is the same device of the same person.
fn check_path(
    committing: &AttestationClaim,
    commit: &StagedCommit,
    read_leaf: ReadLeaf,
) -> Result<(), Fault> {
    let Some(leaf) = commit.update_path_leaf_node() else { return Ok(()) };
    let claim = read_leaf(leaf)?;
    let same = claim.fingerprint == committing.fingerprint
        && claim.device_id == committing.device_id
        && claim.address == committing.address;
    if same { Ok(()) } else { Err(Fault::Membership("the committer's leaf became somebody else's")) }
}

/// A leaf may be removed by an admin and by any leaf of the same person. When no admin is left, the person with the
/// lowest leaf is one.
fn check_removals(
    context: &Context,
    members: &Members,
    committing: &AttestationClaim,
    removed: &[u32],
) -> Result<(), Fault> {
    let people = members.people();
    let admins_left = people.iter().any(|(person, _)| context.admins.contains(person));
    let lowest = people.first().map(|(person, _)| *person);
    let admin = if admins_left {
        context.admins.contains(&committing.fingerprint)
    } else {
        lowest == Some(committing.fingerprint)
    };
    let of_same_person = |leaf: &u32| {
        members.get(LeafNodeIndex::new(*leaf)).is_some_and(|c| c.fingerprint == committing.fingerprint)
    };
    if admin || removed.iter().all(of_same_person) {
        Ok(())
    } else {
        Err(Fault::Membership("somebody was removed by a member who may not do that"))
    }
}

/// The members after the commit go together.
fn check_result(members: &Members, removed: &[u32], added: &[AttestationClaim]) -> Result<(), Fault> {
    if removed.is_empty() && added.is_empty() {
        return Ok(());
    }
    let mut next = members.clone();
    for leaf in removed {
        next.set(*leaf, None);
    }
    // Where the added leaves will stand does not matter here, only that they get places of their own.
    let free = next.iter().map(|(leaf, _)| leaf + 1).max().unwrap_or(0);
    for (leaf, claim) in (free..).zip(added) {
        next.set(leaf, Some(claim.clone()));
    }
    next.check()
}
