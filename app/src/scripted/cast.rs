//! Who plays, and what they say. Nobody here is real.

use haven_bridge::*;

use crate::services::browser;

pub const DOMAIN: &str = "harbour.example";
pub const SOURCE: &str = "https://git.harbour.example/haven";

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const SAID: [&str; 14] = [
    "Did the ferry leave on time?",
    "Yes, and the sea was like glass.",
    "Lovely. I’ll be at the pier around six, with the blue bicycle.",
    "Bring the good bread, please",
    "And a lemon.",
    "The bakery closes at five, so I went early. They had the dark rye that you like, the one with caraway, and I took \
     two because the weekend is long and nobody wants to go out in the rain for bread.",
    "You are the best",
    "https://harbour.example/timetable/summer?line=3&day=saturday",
    "Could you look at the second page before we send it? I think the numbers in the third column are still from May.",
    "ok",
    "Fixed:\n• column three\n• the date in the footer\n• Ólafur’s name",
    "Перевірила, все добре 👍",
    "שלום, מה שלומך?",
    "See you then!",
];

pub fn phrase() -> Vec<String> {
    "lantern orbit candle ribbon walnut glimpse meadow anchor tulip ivory canyon drift"
        .split(' ')
        .map(str::to_owned)
        .collect()
}

pub fn chatter(number: u64) -> String {
    let index = usize::try_from(number).unwrap_or_default() % SAID.len();
    SAID.get(index).copied().unwrap_or_default().to_owned()
}

pub fn item_id(number: u64) -> ItemId {
    ItemId((u128::from(number) << 64 | u128::from(number)).to_be_bytes())
}

fn conversation_id(number: u8) -> ConversationId {
    ConversationId([number; 16])
}

/// Each with one device, as in lines for who joined.
pub fn with_laptops(people: &[PersonRef]) -> Vec<(PersonRef, String)> {
    people.iter().map(|person| (person.clone(), "Firefox on Linux".to_owned())).collect()
}

/// A person whose fingerprint follows from the address.
pub fn person(address: &str) -> PersonRef {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut fingerprint = String::new();
    while fingerprint.len() < 40 {
        for byte in address.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        fingerprint.push_str(&format!("{hash:016x}"));
    }
    fingerprint.truncate(40);
    PersonRef { address: address.to_owned(), fingerprint }
}

fn local(name: &str) -> PersonRef {
    person(&format!("{name}@{DOMAIN}"))
}

pub fn me(recovery_confirmed: bool) -> Me {
    let person = local("alice");
    Me {
        address: person.address,
        fingerprint: crate::components::copyable::grouped(&person.fingerprint),
        recovery_confirmed,
        device_label: "Firefox on Linux".to_owned(),
        key_expires: Some(browser::now() + 700 * DAY),
        key_revoked: false,
    }
}

pub fn devices() -> Vec<DeviceView> {
    let device = |label: &str, short_id: &str, ago: u64, this| DeviceView {
        id: [short_id.bytes().next().unwrap_or_default(); 16],
        label: label.to_owned(),
        short_id: short_id.to_owned(),
        created: browser::now() - ago,
        this,
    };
    vec![
        device("Firefox on Linux", "7f3a", 40 * DAY, true),
        device("Chrome on Android", "b20c", 12 * DAY, false),
        device("Safari on iPad", "19de", 3 * DAY, false),
    ]
}

pub fn people() -> Vec<Person> {
    let known = |person: PersonRef, trust, blocked, conversations: &[u8]| Person {
        person,
        trust,
        blocked,
        conversations: conversations.iter().map(|number| conversation_id(*number)).collect(),
        name: String::new(),
    };
    let named = |name: &str, person| Person { name: name.to_owned(), ..person };
    let by_mail = |address: &str| PersonRef { address: address.to_owned(), fingerprint: String::new() };
    vec![
        named("Bob Haugen", known(local("bob"), Trust::Pinned, false, &[1, 2])),
        known(by_mail("office@yard.example"), Trust::NoKey, false, &[]),
        named("Jonas Weber", known(by_mail("jonas@post.example"), Trust::Claimed, false, &[])),
        named("Signe", known(local("signe"), Trust::Verified, false, &[9])),
        known(local("mara.lindqvist"), Trust::Pinned, false, &[2, 3]),
        known(
            person("konstantina.papadimitriou-oberholzer@long-names.cantonal-library.example"),
            Trust::Claimed,
            false,
            &[2],
        ),
        known(person("dora@elsewhere.example"), Trust::Changed, false, &[6]),
        known(person("spam@bulk.example"), Trust::Claimed, true, &[]),
        known(local("tomas"), Trust::Pinned, false, &[7]),
    ]
}

/// Details as they are when everybody is in.
pub fn details(id: ConversationId, title: Option<String>, people: &[PersonRef]) -> ConversationDetails {
    let own = me(true);
    let oneself = Member {
        person: PersonRef { address: own.address, fingerprint: own.fingerprint },
        me: true,
        trust: Trust::Pinned,
        devices: vec!["Firefox on Linux".to_owned(), "Chrome on Android".to_owned()],
    };
    let others = people.iter().enumerate().map(|(index, person)| Member {
        person: person.clone(),
        me: false,
        trust: if index == 2 { Trust::Claimed } else { Trust::Pinned },
        devices: if index == 1 {
            vec!["Safari on iPhone".to_owned(), "Edge on Windows".to_owned()]
        } else {
            vec!["Chrome on Mac".to_owned()]
        },
    });
    let names: Vec<_> = people.iter().map(|person| person.address.clone()).collect();
    ConversationDetails {
        summary: ConversationSummary {
            id,
            titled: title.is_some(),
            title: title.unwrap_or_else(|| names.join(", ")),
            people: people.to_vec(),
            state: ConversationState::Active,
            preview: Preview::Empty,
            updated: browser::now(),
            unread: 0,
        },
        members: std::iter::once(oneself).chain(others).collect(),
    }
}

/// A talk of so many texts, among these people and oneself, that ended so long ago.
fn talk(
    number: u8,
    title: Option<&str>,
    people: &[PersonRef],
    count: u64,
    ended: u64,
) -> (ConversationDetails, Vec<TimelineItem>) {
    let mut details = details(conversation_id(number), title.map(str::to_owned), people);
    let end = browser::now() - ended;
    let base = u64::from(number) << 32;
    let mut items = vec![TimelineItem {
        id: item_id(base),
        position: 0,
        time: end - count * 23 * MINUTE - HOUR,
        content: ItemContent::Line(Line::Started {
            who: None,
            added: with_laptops(people),
            with: Vec::new(),
        }),
    }];
    for index in 0..count {
        let back = count - 1 - index;
        // Two or three at a time, then a pause.
        let time = end - (back / 3) * 65 * MINUTE - (back % 3) * MINUTE;
        let speaker = (index / 2) % (people.len() as u64 + 1);
        let text = chatter(index);
        let content = match people.get(speaker as usize) {
            Some(from) => ItemContent::Received {
                from: from.clone(),
                device: "Chrome on Android".to_owned(),
                text,
                disagrees: false,
            },
            None => ItemContent::Sent { text, state: SendState::Stored },
        };
        items.push(TimelineItem { id: item_id(base + index + 1), position: index + 1, time, content });
    }
    details.summary.updated = end;
    details.summary.preview = match items.last().map(|item| &item.content) {
        Some(ItemContent::Received { from, text, .. }) => {
            Preview::Text { from: Some(from.clone()), text: text.clone() }
        }
        Some(ItemContent::Sent { text, .. }) => Preview::Text { from: None, text: text.clone() },
        Some(ItemContent::Line(line)) => Preview::Line(line.clone()),
        _ => Preview::Empty,
    };
    (details, items)
}

pub fn long_talk(count: u64) -> (ConversationDetails, Vec<TimelineItem>) {
    talk(1, None, &[local("bob")], count, 2 * MINUTE)
}

/// A conversation with everything that can stand in a timeline.
fn eventful() -> (ConversationDetails, Vec<TimelineItem>) {
    let (bob, mara) = (local("bob"), local("mara.lindqvist"));
    let stranger = person("konstantina.papadimitriou-oberholzer@long-names.cantonal-library.example");
    let mut talk = talk(
        2,
        Some("Summer house on the far side of the lake, August"),
        &[bob.clone(), mara.clone(), stranger.clone()],
        200,
        9 * MINUTE,
    );
    let now = browser::now();
    let received = |from: &PersonRef, text: &str, disagrees| ItemContent::Received {
        from: from.clone(),
        device: "Safari on iPhone".to_owned(),
        text: text.to_owned(),
        disagrees,
    };
    let sent = |text: &str, state| ItemContent::Sent { text: text.to_owned(), state };
    let changed = Failure::CertificateChanged {
        address: "dora@elsewhere.example".to_owned(),
        fingerprint: person("dora@elsewhere.example").fingerprint,
    };
    let contents = [
        ItemContent::Line(Line::Added {
            who: Some(mara.clone()),
            added: vec![
                (stranger.clone(), "Edge on Windows".to_owned()),
                (stranger.clone(), "Safari on iPhone".to_owned()),
            ],
        }),
        ItemContent::Line(Line::NotAdded { address: "dora@elsewhere.example".to_owned(), why: changed }),
        received(&stranger, "Hello everybody! Mara told me there is room for one more.", false),
        sent("There is. Welcome!", SendState::Stored),
        ItemContent::Line(Line::DeviceAdded { who: Some(bob.clone()), device: "Firefox on Mac".to_owned() }),
        received(&bob, "Writing from the new laptop, hope this works", false),
        ItemContent::Unreadable(Unreadable::Undecryptable),
        received(&bob, "Which day did we agree on in the end?", true),
        ItemContent::Unsupported { from: mara.clone() },
        ItemContent::Line(Line::Renamed {
            who: Some(bob),
            title: "Summer house on the far side of the lake, August".to_owned(),
        }),
        sent(
            "The 14th. I wrote it into the calendar and will bring the keys, the boat papers, and the small stove.",
            SendState::Stored,
        ),
        sent("Can somebody take the big tent?", SendState::Failed(Failure::Offline)),
        sent("I’ll ask my sister otherwise", SendState::Waiting),
    ];
    let count = contents.len() as u64;
    for (index, content) in contents.into_iter().enumerate() {
        let index = index as u64;
        talk.1.push(TimelineItem {
            id: item_id((2 << 32) + 1000 + index),
            position: 1000 + index,
            time: now - (count - index) * 40_000,
            content,
        });
    }
    talk.0.summary.preview = Preview::Text { from: None, text: "I’ll ask my sister otherwise".to_owned() };
    talk.0.summary.updated = now - 40_000;
    talk
}

pub fn talks() -> Vec<(ConversationDetails, Vec<TimelineItem>)> {
    let (bob, mara, tomas) = (local("bob"), local("mara.lindqvist"), local("tomas"));
    let dora = person("dora@elsewhere.example");
    let stranger = person("e.vandenberg@poste.example");
    let mut request = talk(4, None, std::slice::from_ref(&stranger), 1, 30 * MINUTE);
    if let Some(first) = request.1.first_mut() {
        first.content = ItemContent::Line(Line::YouWereAdded { by: stranger.clone() });
    }
    let with_state = |mut talk: (ConversationDetails, Vec<TimelineItem>), state, unread| {
        talk.0.summary.state = state;
        talk.0.summary.unread = unread;
        talk
    };
    let refused = StopReason::CommitRefused {
        from: Some(dora.clone()),
        what: "they removed somebody without being allowed to".to_owned(),
    };
    let unknown = Failure::AddressUnknown { address: "jonn@harbour.example".to_owned() };
    vec![
        with_state(talk(1, None, std::slice::from_ref(&bob), 40, 2 * MINUTE), ConversationState::Active, 3),
        eventful(),
        talk(3, None, std::slice::from_ref(&mara), 12, 5 * HOUR),
        with_state(request, ConversationState::Request { from: stranger }, 1),
        with_state(
            talk(5, None, &[person("jonn@harbour.example")], 0, DAY),
            ConversationState::StartFailed(unknown),
            0,
        ),
        with_state(talk(6, None, &[dora], 22, 2 * DAY), ConversationState::Stopped(refused), 0),
        with_state(
            talk(7, Some("Choir"), &[tomas, bob.clone(), mara.clone()], 31, 3 * DAY),
            ConversationState::Removed,
            0,
        ),
        with_state(talk(8, Some("Bicycle repair"), &[mara, bob], 0, 4 * DAY), ConversationState::Starting, 0),
        with_state(
            talk(
                9,
                Some("Reading circle: everything by Tove Jansson"),
                &[local("ada"), local("finn"), local("signe"), local("yusuf")],
                61,
                200 * DAY,
            ),
            ConversationState::Active,
            128,
        ),
    ]
}
