//! What the people of a world see.

use super::{Who, World};
use haven_bridge::{ConversationId, ConversationState, ItemContent, Line, SendState, TimelineItem};

impl World {
    /// What can be done in a conversation.
    pub fn state(&mut self, who: Who, conversation: ConversationId) -> ConversationState {
        let all = self.engine(who).conversations();
        let found = all.into_iter().find(|summary| summary.id == conversation);
        found.map(|summary| summary.state).expect("a conversation")
    }

    /// All items of a timeline, oldest first.
    pub async fn items(&mut self, who: Who, conversation: ConversationId) -> Vec<TimelineItem> {
        self.engine(who).timeline(conversation, None, 100_000).await.expect("timeline").items
    }

    /// A timeline as lines of text: who said what, and what happened.
    pub async fn timeline(&mut self, who: Who, conversation: ConversationId) -> Vec<String> {
        self.items(who, conversation).await.iter().map(|item| show(&item.content)).collect()
    }

    /// The texts of a timeline, oldest first, whoever wrote them.
    pub async fn texts(&mut self, who: Who, conversation: ConversationId) -> Vec<String> {
        let items = self.items(who, conversation).await;
        let text = |item: TimelineItem| match item.content {
            ItemContent::Sent { text, .. } | ItemContent::Received { text, .. } => Some(text),
            ItemContent::Unreadable(why) => Some(format!("({why:?})")),
            _ => None,
        };
        items.into_iter().filter_map(text).collect()
    }

    /// Asserts that all devices can write and read each other in a conversation.
    pub async fn assert_works(&mut self, all: &[Who], conversation: ConversationId) {
        for who in all {
            let stamp = self.intent_id().to_hex();
            let text = format!("{} is here at {stamp}", self.devices[who.0].account.device_label);
            self.say(*who, conversation, &text).await;
            self.settle().await;
            for other in all {
                let texts = self.texts(*other, conversation).await;
                assert_eq!(
                    texts.iter().filter(|t| **t == text).count(),
                    1,
                    "{other:?} has {text} once in {texts:#?}"
                );
            }
        }
    }
}

fn show(content: &ItemContent) -> String {
    let name =
        |person: &haven_bridge::PersonRef| person.address.split('@').next().unwrap_or_default().to_owned();
    let who = |person: &Option<haven_bridge::PersonRef>| person.as_ref().map_or("I".into(), name);
    let names = |people: &[haven_bridge::PersonRef]| people.iter().map(name).collect::<Vec<_>>().join(", ");
    let with_devices = |added: &[(haven_bridge::PersonRef, String)]| {
        let added = added.iter().map(|(person, device)| format!("{} ({device})", name(person)));
        added.collect::<Vec<_>>().join(", ")
    };
    match content {
        ItemContent::Sent { text, state: SendState::Stored } => format!("I: {text}"),
        ItemContent::Sent { text, state: SendState::Waiting } => format!("I ({text})"),
        ItemContent::Sent { text, state: SendState::Failed(_) } => format!("I failed: {text}"),
        ItemContent::Received { from, text, disagrees: false, .. } => format!("{}: {text}", name(from)),
        ItemContent::Received { from, text, disagrees: true, .. } => {
            format!("{} disagrees: {text}", name(from))
        }
        ItemContent::Unsupported { from } => format!("{} sent something", name(from)),
        ItemContent::Unreadable(why) => format!("unreadable: {why:?}"),
        ItemContent::Line(line) => match line {
            Line::Started { who: by, added, .. } => {
                format!("* {} started with {}", who(by), with_devices(added))
            }
            Line::YouWereAdded { by } => format!("* {} added me", name(by)),
            Line::Added { who: by, added } => format!("* {} added {}", who(by), with_devices(added)),
            Line::DeviceAdded { who: whose, device } => format!("* {} came with {device}", who(whose)),
            Line::MoreDevices { added, removed } => format!("* {added} devices more, {removed} fewer"),
            Line::DeviceRemoved { who: whose, device } => format!("* {} lost {device}", who(whose)),
            Line::Removed { who: by, removed } => format!("* {} removed {}", who(by), names(removed)),
            Line::YouWereRemoved { by } => format!("* {} removed me", name(by)),
            Line::Renamed { who: by, title } => format!("* {} renamed to {title}", who(by)),
            Line::NotAdded { address, why } => format!("* {address} was not added: {why:?}"),
            Line::NotChanged { why } => format!("* nothing was changed: {why:?}"),
            Line::SecondWelcome => "* a second Welcome was refused".into(),
            Line::Missed { count } => format!("* {count} missed"),
            Line::Withheld { count } => format!("* {count} withheld"),
            Line::Disagrees { who: by } => format!("* {} saw other rows", who(by)),
        },
    }
}
