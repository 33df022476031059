//! Lines about a conversation.

use haven_bridge::{Line, PersonRef};

use super::{and_list, failure, short_name};

/// A line as a sentence.
pub fn sentence(line: &Line, own_domain: Option<&str>) -> String {
    let name = |person: &PersonRef| short_name(person, own_domain);
    let names = |people: &[PersonRef]| and_list(&people.iter().map(name).collect::<Vec<_>>());
    let who = |person: &Option<PersonRef>| person.as_ref().map_or_else(|| super::YOU.to_owned(), name);
    match line {
        Line::Started { who: starter, added, with } if added.is_empty() && with.is_empty() => {
            format!("{} started the conversation", who(starter))
        }
        Line::Started { who: starter, added, with } if with.is_empty() => {
            format!("{} started the conversation with {}", who(starter), with_devices(added, name))
        }
        Line::Started { who: starter, with, .. } => {
            format!("{} started the conversation with {}", who(starter), names(with))
        }
        Line::YouWereAdded { by } => format!("{} added you", name(by)),
        Line::Added { who: adder, added } => format!("{} added {}", who(adder), with_devices(added, name)),
        Line::DeviceAdded { who: None, device } => format!("You joined with another device: {device}"),
        Line::DeviceAdded { who: Some(person), device } => {
            format!("{} joined with another device: {device}", name(person))
        }
        Line::DeviceRemoved { who: None, device } => format!("Your device {device} left"),
        Line::DeviceRemoved { who: Some(person), device } => {
            format!("{}’s device {device} left", name(person))
        }
        Line::MoreDevices { added, removed } => {
            format!("With this change, {added} more devices came in and {removed} more left")
        }
        Line::Removed { who: remover, removed } => format!("{} removed {}", who(remover), names(removed)),
        Line::YouWereRemoved { by } => format!("{} removed you", name(by)),
        Line::Renamed { who: renamer, title } if title.is_empty() => {
            format!("{} took the title away", who(renamer))
        }
        Line::Renamed { who: renamer, title } => format!("{} named the conversation “{title}”", who(renamer)),
        Line::NotAdded { address, why } => {
            format!("{address} could not be added. {}", failure::sentence(why))
        }
        Line::NotChanged { why } => format!("Nothing was changed. {}", failure::sentence(why)),
        Line::SecondWelcome => {
            "Somebody tried to add this device here a second time. Haven refused, and nothing changed"
                .to_owned()
        }
        Line::Missed { count } => format!(
            "{} missed while this device was away: the relay deletes messages when they are old. Ask the others for what matters",
            messages_were(*count)
        ),
        Line::Disagrees { who: changer } => format!(
            "{} saw other messages here than this device did. The relay may be showing different things to different people; \
             compare what you have",
            changer.as_ref().map_or_else(|| "Another device of yours".to_owned(), name)
        ),
        Line::Withheld { count } => format!(
            "{} missed here. The relay says they were old and deleted, which can’t be: this device was here not long ago. Ask \
             the others what they wrote, and tell whoever runs the relay",
            messages_were(*count)
        ),
    }
}

fn messages_were(count: u32) -> String {
    match count {
        1 => "A message was".to_owned(),
        count => format!("{count} messages were"),
    }
}

/// `bob (Firefox on Linux)`: who joins does so with a device, and both are said. One person's devices stand together.
fn with_devices(added: &[(PersonRef, String)], name: impl Fn(&PersonRef) -> String) -> String {
    let mut people: Vec<(&PersonRef, Vec<&str>)> = Vec::new();
    for (person, device) in added {
        match people.iter_mut().find(|(known, _)| *known == person) {
            Some((_, devices)) => devices.push(device),
            None => people.push((person, vec![device])),
        }
    }
    let people: Vec<_> = people
        .into_iter()
        .map(|(person, devices)| {
            let devices: Vec<_> = devices.into_iter().filter(|device| !device.is_empty()).collect();
            if devices.is_empty() {
                name(person)
            } else {
                format!("{} ({})", name(person), devices.join(", "))
            }
        })
        .collect();
    and_list(&people)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn person(address: &str) -> PersonRef {
        PersonRef { address: address.to_owned(), fingerprint: address.to_owned() }
    }

    #[test]
    fn people_of_the_own_domain_go_by_their_name() {
        let removed = vec![person("bob@here.org"), person("bob@there.org")];
        let line = Line::Removed { who: None, removed };
        assert_eq!(sentence(&line, Some("here.org")), "You removed bob and bob@there.org");
    }

    #[test]
    fn one_missed_message_is_not_several() {
        let says = |count| sentence(&Line::Missed { count }, None);
        assert!(says(1).starts_with("A message was missed while this device was away"));
        assert!(says(12).starts_with("12 messages were missed while this device was away"));
    }

    #[test]
    fn who_saw_other_messages_is_named_also_as_another_device_of_ones_own() {
        let says = |who| sentence(&Line::Disagrees { who }, Some("here.org"));
        assert!(
            says(Some(person("bob@here.org"))).starts_with("bob saw other messages here than this device")
        );
        assert!(says(None).starts_with("Another device of yours saw other messages here"));
    }

    #[test]
    fn joins_name_the_devices() {
        let added = vec![
            (person("bob@here.org"), "Phone".to_owned()),
            (person("carol@here.org"), "Laptop".to_owned()),
            (person("bob@here.org"), "Tablet".to_owned()),
        ];
        let line = Line::Added { who: Some(person("alice@here.org")), added: added.clone() };
        assert_eq!(sentence(&line, Some("here.org")), "alice added bob (Phone, Tablet) and carol (Laptop)");
        let line = Line::Started { who: None, added, with: Vec::new() };
        assert_eq!(
            sentence(&line, Some("here.org")),
            "You started the conversation with bob (Phone, Tablet) and carol (Laptop)"
        );
    }

    #[test]
    fn a_start_that_was_stored_without_devices_names_the_people() {
        let line = Line::Started { who: None, added: Vec::new(), with: vec![person("bob@here.org")] };
        assert_eq!(sentence(&line, Some("here.org")), "You started the conversation with bob");
    }
}
