//! What a scripted engine knows, and how it answers.

use std::time::Duration;

use haven_bridge::*;

use super::{cast, mail::MailWorld};
use crate::services::browser;

/// What comes of a command: a reply, and events after a pause.
pub type Outcome = (Result<Reply, Failure>, Vec<(Duration, Event)>);

/// A person's Haven.
pub struct World {
    /// Who is signed in.
    pub session: Session,
    /// The connection to the relay.
    pub connection: Connection,
    /// All conversations with their items.
    pub talks: Vec<(ConversationDetails, Vec<TimelineItem>)>,
    /// Everybody known.
    pub people: Vec<Person>,
    /// The own devices.
    pub devices: Vec<DeviceView>,
    /// All mail.
    pub mail: MailWorld,
    /// Where the relay says that the source is.
    pub source: Option<String>,
    next: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            session: Session::SignedOut { domain: Some(cast::DOMAIN.to_owned()), sign_up: true },
            connection: Connection::Online,
            talks: Vec::new(),
            people: Vec::new(),
            devices: Vec::new(),
            mail: MailWorld::default(),
            source: Some(cast::SOURCE.to_owned()),
            next: 1 << 40,
        }
    }
}

impl World {
    /// The world of a scene's name; unknown names give the busy one.
    pub fn of_scene(scene: &str) -> Self {
        match scene {
            "signed-out" => Self::default(),
            "closed" => Self {
                session: Session::SignedOut { domain: Some(cast::DOMAIN.to_owned()), sign_up: false },
                ..Self::default()
            },
            "empty" => Self::signed_in(),
            "long" => Self { talks: vec![cast::long_talk(10_000)], ..Self::signed_in() },
            "many-mails" => Self { mail: MailWorld::many(), ..Self::busy() },
            "offline" => Self { connection: Connection::Offline, ..Self::busy() },
            "connecting" => Self { connection: Connection::Connecting, ..Self::busy() },
            "revoked" => Self { session: Session::Revoked(cast::me(true)), ..Self::busy() },
            "withdrawn" => Self {
                session: Session::SignedIn(Me { key_revoked: true, ..cast::me(true) }),
                mail: MailWorld::refused(),
                ..Self::busy()
            },
            "no-source" => Self { source: None, ..Self::busy() },
            "unconfirmed" => Self { session: Session::SignedIn(cast::me(false)), ..Self::busy() },
            _ => Self::busy(),
        }
    }

    /// Somebody without conversations.
    pub fn signed_in() -> Self {
        Self { session: Session::SignedIn(cast::me(true)), devices: cast::devices(), ..Self::default() }
    }

    /// Somebody with conversations and mail of every kind.
    pub fn busy() -> Self {
        Self { talks: cast::talks(), people: cast::people(), mail: MailWorld::busy(), ..Self::signed_in() }
    }

    /// Takes in an event that a script lets happen.
    pub(super) fn remember(&mut self, event: &Event) {
        match event {
            Event::Session(session) => self.session = session.clone(),
            Event::Connection(connection) => self.connection = *connection,
            Event::Conversation(summary) => match self.talk(summary.id) {
                Some((details, _)) => details.summary = summary.clone(),
                None => {
                    let details = ConversationDetails { summary: summary.clone(), members: Vec::new() };
                    self.talks.push((details, Vec::new()));
                }
            },
            Event::ConversationRemoved(id) => self.talks.retain(|(details, _)| details.summary.id != *id),
            Event::Items { conversation, items } => {
                if let Some((_, old)) = self.talk(*conversation) {
                    old.retain(|old| items.iter().all(|new| new.id != old.id));
                    old.extend(items.iter().cloned());
                    old.sort_by_key(|item| item.position);
                }
            }
            Event::ItemsRemoved { conversation, items } => {
                if let Some((_, old)) = self.talk(*conversation) {
                    old.retain(|item| !items.contains(&item.id));
                }
            }
            _ => {}
        }
    }

    /// Answers a command.
    pub(super) fn handle(&mut self, command: Command) -> Outcome {
        if let Some(outcome) = self.mail.handle(&command) {
            return outcome;
        }
        if let Some(outcome) = self.handle_people(&command) {
            return outcome;
        }
        match command {
            Command::Session => reply(Reply::Session(self.session.clone())),
            Command::SuggestPassphrase => {
                reply(Reply::Passphrase("harbour velvet sunday acorn kettle".to_owned()))
            }
            Command::JudgePassword(password) => reply(Reply::PasswordStrength(match password.len() {
                0..=11 => PasswordStrength::Weak,
                12..=19 => PasswordStrength::Good,
                _ => PasswordStrength::Strong,
            })),
            Command::SignUp { local_part, .. } if local_part == "taken" => {
                (Err(Failure::AddressTaken), Vec::new())
            }
            Command::SignUp { local_part, .. } => self.sign_in(
                format!("{local_part}@{}", cast::DOMAIN),
                false,
                Reply::RecoveryPhrase(cast::phrase()),
            ),
            Command::SignIn { password, .. } if password == "wrong" => {
                (Err(Failure::BadCredentials), Vec::new())
            }
            Command::SignIn { address, .. } | Command::Recover { address, .. } => {
                self.sign_in(address, true, Reply::Done)
            }
            Command::RecoveryPhrase => reply(Reply::RecoveryPhrase(cast::phrase())),
            Command::ConfirmRecoveryPhrase(words) => self.confirm(&words),
            Command::ExportKey(_) => reply(Reply::File(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n".to_vec())),
            Command::JudgeKey(key) => judge_key(&key),
            Command::RevokeKey => {
                if let Session::SignedIn(me) = &mut self.session {
                    me.key_revoked = true;
                }
                (Ok(Reply::Done), vec![(Duration::ZERO, Event::Session(self.session.clone()))])
            }
            Command::SignOut => {
                let off_list = self.connection == Connection::Online;
                *self = Self::default();
                (
                    Ok(Reply::SignedOut { off_list }),
                    vec![(Duration::ZERO, Event::Session(self.session.clone()))],
                )
            }
            Command::Conversations => {
                let mut all: Vec<_> = self.talks.iter().map(|(details, _)| details.summary.clone()).collect();
                all.sort_by_key(|summary| std::cmp::Reverse(summary.updated));
                reply(Reply::Conversations(all))
            }
            Command::About => reply(Reply::About(About { source: self.source.clone() })),
            Command::RemoveDevice(id) => {
                self.devices.retain(|device| device.id != id);
                reply(Reply::Devices(self.devices.clone()))
            }
            Command::Devices => reply(Reply::Devices(self.devices.clone())),
            other => self.handle_talk(other),
        }
    }

    fn handle_talk(&mut self, command: Command) -> Outcome {
        match command {
            Command::Conversation(id) => match self.talk(id) {
                Some((details, _)) => reply(Reply::Conversation(details.clone())),
                None => (Err(Failure::NotFound), Vec::new()),
            },
            Command::Timeline { conversation, before, limit } => self.timeline(conversation, before, limit),
            Command::StartConversation { addresses, title, .. } => self.start(&addresses, title),
            Command::SendText { conversation, text, .. } => self.send(conversation, text),
            Command::MarkRead { conversation, .. } => self.change(conversation, |summary| summary.unread = 0),
            Command::Rename { conversation, title, .. } => self.change(conversation, |summary| {
                summary.titled = !title.is_empty();
                summary.title = title;
            }),
            Command::AnswerRequest { conversation, answer: RequestAnswer::Accept, .. } => {
                self.change(conversation, |summary| summary.state = ConversationState::Active)
            }
            Command::AnswerRequest { conversation, .. } => {
                (Ok(Reply::Done), vec![(Duration::ZERO, Event::ConversationRemoved(conversation))])
            }
            Command::Discard { conversation, item } => (
                Ok(Reply::Done),
                vec![(Duration::ZERO, Event::ItemsRemoved { conversation, items: vec![item] })],
            ),
            Command::Retry { conversation, item: Some(item) } => self.retry(conversation, item),
            Command::Retry { conversation, item: None } => {
                self.change(conversation, |summary| summary.state = ConversationState::Active)
            }
            Command::AddPeople { conversation, addresses, .. } => self.add(conversation, &addresses),
            _ => reply(Reply::Done),
        }
    }

    fn talk(&mut self, id: ConversationId) -> Option<&mut (ConversationDetails, Vec<TimelineItem>)> {
        self.talks.iter_mut().find(|(details, _)| details.summary.id == id)
    }

    fn next_item(&mut self) -> (ItemId, u64) {
        self.next += 1;
        (cast::item_id(self.next), self.next)
    }

    fn sign_in(&mut self, address: String, recovery_confirmed: bool, with: Reply) -> Outcome {
        let address = if address.contains('@') { address } else { format!("{address}@{}", cast::DOMAIN) };
        let me = Me { address, recovery_confirmed, ..cast::me(true) };
        self.session = Session::SignedIn(me);
        self.devices = cast::devices();
        (Ok(with), vec![(Duration::ZERO, Event::Session(self.session.clone()))])
    }

    fn confirm(&mut self, words: &[(u8, String)]) -> Outcome {
        let phrase = cast::phrase();
        if words.iter().any(|(index, word)| phrase.get(usize::from(*index)) != Some(word)) {
            return (Err(Failure::PhraseWrong), Vec::new());
        }
        if let Session::SignedIn(me) = &mut self.session {
            me.recovery_confirmed = true;
        }
        (Ok(Reply::Done), vec![(Duration::ZERO, Event::Session(self.session.clone()))])
    }

    fn timeline(&mut self, id: ConversationId, before: Option<ItemId>, limit: u32) -> Outcome {
        let Some((_, items)) = self.talk(id) else { return (Err(Failure::NotFound), Vec::new()) };
        let end =
            before.and_then(|before| items.iter().position(|item| item.id == before)).unwrap_or(items.len());
        let begin = end.saturating_sub(limit as usize);
        let page = items.get(begin..end).unwrap_or_default().to_vec();
        reply(Reply::Timeline(TimelinePage { items: page, more: begin > 0 }))
    }

    fn change(&mut self, id: ConversationId, f: impl FnOnce(&mut ConversationSummary)) -> Outcome {
        let Some((details, _)) = self.talk(id) else { return (Err(Failure::NotFound), Vec::new()) };
        let mut summary = details.summary.clone();
        f(&mut summary);
        (Ok(Reply::Done), vec![(Duration::ZERO, Event::Conversation(summary))])
    }

    fn start(&mut self, addresses: &[String], title: Option<String>) -> Outcome {
        if let Some(address) = addresses.iter().find(|address| address.starts_with("nobody@")) {
            return (Err(Failure::AddressUnknown { address: address.clone() }), Vec::new());
        }
        let (item, position) = self.next_item();
        let id = ConversationId(item.0);
        let with: Vec<_> = addresses.iter().map(|address| cast::person(address)).collect();
        let line = Line::Started { who: None, added: cast::with_laptops(&with), with: Vec::new() };
        let mut details = cast::details(id, title, &with);
        details.summary.state = ConversationState::Starting;
        details.summary.preview = Preview::Line(line.clone());
        details.summary.updated = browser::now();
        let summary = details.summary.clone();
        let first =
            TimelineItem { id: item, position, time: browser::now(), content: ItemContent::Line(line) };
        self.talks.push((details, vec![first]));
        let ready = ConversationSummary { state: ConversationState::Active, ..summary.clone() };
        let events = vec![
            (Duration::ZERO, Event::Conversation(summary)),
            (Duration::from_millis(500), Event::Conversation(ready)),
        ];
        (Ok(Reply::Started(id)), events)
    }

    fn send(&mut self, conversation: ConversationId, text: String) -> Outcome {
        if text.len() > MAX_TEXT {
            return (Err(Failure::MessageTooLong { limit: MAX_TEXT as u32 }), Vec::new());
        }
        let (id, position) = self.next_item();
        let item = |state| TimelineItem {
            id,
            position,
            time: browser::now(),
            content: ItemContent::Sent { text: text.clone(), state },
        };
        let end = if text.contains("fail") { SendState::Failed(Failure::Offline) } else { SendState::Stored };
        let mut events =
            vec![(Duration::ZERO, Event::Items { conversation, items: vec![item(SendState::Waiting)] })];
        if self.connection == Connection::Online {
            events.push((Duration::from_millis(400), Event::Items { conversation, items: vec![item(end)] }));
        }
        if let Some((details, _)) = self.talk(conversation) {
            let mut summary = details.summary.clone();
            summary.preview = Preview::Text { from: None, text };
            summary.updated = browser::now();
            events.push((Duration::ZERO, Event::Conversation(summary)));
        }
        (Ok(Reply::Queued(id)), events)
    }

    fn retry(&mut self, conversation: ConversationId, id: ItemId) -> Outcome {
        let Some((_, items)) = self.talk(conversation) else { return (Err(Failure::NotFound), Vec::new()) };
        let Some(mut item) = items.iter().find(|item| item.id == id).cloned() else {
            return (Err(Failure::NotFound), Vec::new());
        };
        if let ItemContent::Sent { state, .. } = &mut item.content {
            *state = SendState::Stored;
        }
        (Ok(Reply::Done), vec![(Duration::ZERO, Event::Items { conversation, items: vec![item] })])
    }

    fn add(&mut self, conversation: ConversationId, addresses: &[String]) -> Outcome {
        let (id, position) = self.next_item();
        let people: Vec<_> = addresses.iter().map(|address| cast::person(address)).collect();
        let added = cast::with_laptops(&people);
        let content = ItemContent::Line(Line::Added { who: None, added });
        let item = TimelineItem { id, position, time: browser::now(), content };
        (
            Ok(Reply::Done),
            vec![(Duration::from_millis(300), Event::Items { conversation, items: vec![item] })],
        )
    }

    /// A message comes in, in the newest conversation.
    pub(super) fn somebody_writes(&mut self) -> Vec<Event> {
        let (id, position) = self.next_item();
        let Some((details, _)) = self.talks.first() else { return Vec::new() };
        let Some(from) = details.summary.people.first().cloned() else { return Vec::new() };
        let text = cast::chatter(position);
        let mut summary = details.summary.clone();
        summary.unread += 1;
        summary.updated = browser::now();
        summary.preview = Preview::Text { from: Some(from.clone()), text: text.clone() };
        let content =
            ItemContent::Received { from, device: "Chrome on Android".to_owned(), text, disagrees: false };
        let items = vec![TimelineItem { id, position, time: browser::now(), content }];
        vec![Event::Items { conversation: summary.id, items }, Event::Conversation(summary)]
    }
}

fn reply(reply: Reply) -> Outcome {
    (Ok(reply), Vec::new())
}

/// A file that begins with "locked" needs the passphrase "right", and one that begins with "rsa" is of another kind.
fn judge_key(key: &OwnKey) -> Outcome {
    let trouble = if key.file.starts_with(b"rsa") {
        KeyTrouble::Shape
    } else if key.file.starts_with(b"locked") && key.passphrase.is_empty() {
        KeyTrouble::NeedsPassphrase
    } else if key.file.starts_with(b"locked") && key.passphrase != "right" {
        KeyTrouble::WrongPassphrase
    } else {
        return reply(Reply::Key(cast::me(true).fingerprint));
    };
    (Err(Failure::KeyUnusable(trouble)), Vec::new())
}
