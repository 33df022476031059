//! What a commit changed, in words for the timeline. Nobody joins, leaves or gets a device unseen.

use crate::{
    identity::AttestationClaim,
    mls::{Members, rules::Effect},
};
use haven_bridge::{Line, PersonRef};
use openmls::prelude::LeafNodeIndex;

/// Lines of a commit have places of their own below this, in the order of the timeline.
pub const MAX_LINES: u8 = 128;
/// Those about single devices. The few about people and the title always find a place.
const MAX_DEVICE_LINES: usize = 100;

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
    let (mut devices, mut lines) = (Vec::new(), Vec::new());
    if effect.removed.contains(&me.u32()) {
        lines.extend(by.map(person).map(|by| Line::YouWereRemoved { by }));
        return lines;
    }
    let removed = removals(&mut devices, before, effect, own);
    let added = additions(&mut devices, before, effect, own);
    if !removed.is_empty() {
        lines.push(Line::Removed { who: who.clone(), removed });
    }
    if epoch == 0 {
        lines.push(Line::Started { who: who.clone(), added, with: Vec::new() });
    } else if !added.is_empty() {
        lines.push(Line::Added { who: who.clone(), added });
    }
    if renamed {
        lines.push(Line::Renamed { who, title: effect.context.title.clone() });
    }
    [folded(devices), lines].concat()
}

/// Counts the devices for which there is no place, so that those who fill a commit with devices hide nobody in it.
fn folded(mut devices: Vec<Line>) -> Vec<Line> {
    let rest = devices.split_off(devices.len().min(MAX_DEVICE_LINES));
    if !rest.is_empty() {
        let count = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
        let removed = rest.iter().filter(|line| matches!(line, Line::DeviceRemoved { .. })).count();
        devices.push(Line::MoreDevices { added: count(rest.len() - removed), removed: count(removed) });
    }
    devices
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

/// Lines for devices of people who stay, and the people who don't.
fn removals(
    lines: &mut Vec<Line>,
    before: &Members,
    effect: &Effect,
    own: Option<crate::identity::Fingerprint>,
) -> Vec<PersonRef> {
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
    distinct(people.into_iter())
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

    #[test]
    fn a_commit_full_of_devices_hides_nobody() {
        let mut devices: Vec<Line> = Vec::new();
        for n in 0..300 {
            let device = format!("device {n}");
            devices.push(match n {
                0..200 => Line::DeviceRemoved { who: None, device },
                _ => Line::DeviceAdded { who: None, device },
            });
        }
        assert_eq!(folded(devices[..MAX_DEVICE_LINES].to_vec()), devices[..MAX_DEVICE_LINES]);
        let folded = folded(devices);
        assert_eq!(folded.last(), Some(&Line::MoreDevices { added: 100, removed: 100 }));
        // Those about people come after them: who was removed, who started or was added, the title.
        assert!(folded.len() + 4 <= usize::from(MAX_LINES));
    }

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
