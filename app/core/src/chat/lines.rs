//! What a commit changed, in words for the timeline. Nobody joins, leaves or gets a device unseen.

use crate::{
    identity::AttestationClaim,
    mls::{Members, rules::Effect},
};
use haven_bridge::{Line, PersonRef};
use openmls::prelude::LeafNodeIndex;

/// A claim's person.
pub fn person(claim: &AttestationClaim) -> PersonRef {
    PersonRef { address: claim.address.clone(), fingerprint: claim.fingerprint.to_hex() }
}

/// The lines of a commit by the leaf `committer`, as the member at leaf `me` sees them.
pub fn of_commit(
    before: &Members,
    committer: LeafNodeIndex,
    me: LeafNodeIndex,
    effect: &Effect,
    renamed: bool,
    epoch: u64,
) -> Vec<Line> {
    let own = before.get(me).map(|claim| claim.fingerprint);
    let by = before.get(committer);
    let who = by.filter(|claim| Some(claim.fingerprint) != own).map(person);
    let mut lines = Vec::new();
    if effect.removed.contains(&me.u32()) {
        lines.extend(by.map(person).map(|by| Line::YouWereRemoved { by }));
        return lines;
    }
    removals(&mut lines, before, effect, own, who.as_ref());
    let added = additions(&mut lines, before, effect, own);
    if epoch == 0 {
        lines.push(Line::Started { who: who.clone(), added, with: Vec::new() });
    } else if !added.is_empty() {
        lines.push(Line::Added { who: who.clone(), added });
    }
    if renamed {
        lines.push(Line::Renamed { who, title: effect.context.title.clone() });
    }
    lines
}

fn distinct<'a>(claims: impl Iterator<Item = &'a AttestationClaim>) -> Vec<PersonRef> {
    let mut people = Vec::new();
    for claim in claims {
        let person = person(claim);
        if !people.contains(&person) {
            people.push(person);
        }
    }
    people
}

fn removals(
    lines: &mut Vec<Line>,
    before: &Members,
    effect: &Effect,
    own: Option<crate::identity::Fingerprint>,
    who: Option<&PersonRef>,
) {
    let removed: Vec<&AttestationClaim> =
        effect.removed.iter().filter_map(|leaf| before.get(LeafNodeIndex::new(*leaf))).collect();
    let stays = |claim: &AttestationClaim| {
        let left = before.leaves_of(claim.fingerprint).any(|leaf| !effect.removed.contains(&leaf));
        left || effect.added.iter().any(|added| added.fingerprint == claim.fingerprint)
    };
    let (devices, people): (Vec<_>, Vec<_>) = removed.into_iter().partition(|claim| stays(claim));
    for claim in devices {
        let whose = (Some(claim.fingerprint) != own).then(|| person(claim));
        lines.push(Line::DeviceRemoved { who: whose, device: claim.label.clone() });
    }
    let removed = distinct(people.into_iter());
    if !removed.is_empty() {
        lines.push(Line::Removed { who: who.cloned(), removed });
    }
}

/// Lines for further devices of people who were in it before, and whoever was not, with the device.
fn additions(
    lines: &mut Vec<Line>,
    before: &Members,
    effect: &Effect,
    own: Option<crate::identity::Fingerprint>,
) -> Vec<(PersonRef, String)> {
    let (devices, people): (Vec<_>, Vec<_>) =
        effect.added.iter().partition(|claim| before.leaves_of(claim.fingerprint).next().is_some());
    for claim in devices {
        let whose = (Some(claim.fingerprint) != own).then(|| person(claim));
        lines.push(Line::DeviceAdded { who: whose, device: claim.label.clone() });
    }
    people.into_iter().map(|claim| (person(claim), claim.label.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Serialize)]
    enum StoredBefore {
        Started { who: Option<PersonRef>, with: Vec<PersonRef> },
    }

    #[test]
    fn a_line_that_was_stored_before_it_named_devices_is_read() {
        let bob = PersonRef { address: "bob@example.org".into(), fingerprint: "b0b".into() };
        let before = StoredBefore::Started { who: None, with: vec![bob.clone()] };
        let bytes = haven_wire::encode(&before).expect("encode");
        let line: Line = haven_wire::decode(&bytes).expect("decode");
        assert_eq!(line, Line::Started { who: None, added: Vec::new(), with: vec![bob] });
    }
}
