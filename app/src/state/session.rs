//! Who is signed in, and whether the relay can be reached.

use haven_bridge::{Connection, Me, Session};
use leptos::prelude::*;

use super::ask_session;
use crate::services::{
    browser,
    core_client::{CoreClient, Trouble},
};

/// The session. A handle.
#[derive(Clone, Copy)]
pub struct SessionStore {
    core: CoreClient,
    session: RwSignal<Option<Session>>,
    trouble: RwSignal<Option<Trouble>>,
    connection: RwSignal<Connection>,
    deleted: RwSignal<bool>,
}

impl SessionStore {
    pub fn new(core: CoreClient) -> Self {
        Self {
            core,
            session: RwSignal::new(None),
            trouble: RwSignal::new(None),
            connection: RwSignal::new(Connection::Connecting),
            deleted: RwSignal::new(false),
        }
    }

    /// The session, once it is known.
    pub fn get(self) -> Option<Session> {
        self.session.get()
    }

    /// Why the session can't be known.
    pub fn trouble(self) -> Option<Trouble> {
        self.trouble.get()
    }

    /// Whoever is signed in, even if the relay ended the session.
    pub fn me(self) -> Option<Me> {
        match self.session.get() {
            Some(Session::SignedIn(me) | Session::Revoked(me)) => Some(me),
            _ => None,
        }
    }

    /// The own address.
    pub fn address(self) -> Option<String> {
        self.me().map(|me| me.address)
    }

    /// The domain of the own relay's addresses, if it is known.
    pub fn domain(self) -> Option<String> {
        match self.session.get()? {
            Session::SignedOut { domain, .. } => domain,
            Session::SignedIn(me) | Session::Revoked(me) => {
                me.address.split_once('@').map(|(_, domain)| domain.to_owned())
            }
        }
    }

    /// The domain as it is now, not followed.
    pub fn domain_now(self) -> Option<String> {
        untrack(|| self.domain())
    }

    /// Whether the relay ended the session.
    pub fn revoked(self) -> bool {
        self.session.with(|session| matches!(session, Some(Session::Revoked(_))))
    }

    /// Whether nobody is signed in because the browser has deleted what was stored here.
    pub fn was_deleted(self) -> bool {
        self.deleted.get()
    }

    /// The connection to the relay.
    pub fn connection(self) -> Connection {
        self.connection.get()
    }

    /// Asks again.
    pub fn refresh(self) {
        ask_session(self.core, move |answer| match answer {
            Ok(session) => self.set(session),
            Err(trouble) => self.trouble.set(Some(trouble)),
        });
    }

    pub(super) fn set(self, session: Session) {
        self.trouble.set(None);
        if self.session.with_untracked(|now| now.as_ref() != Some(&session)) {
            if let Session::SignedOut { .. } = session {
                // Signing out takes the note away first.
                self.deleted.update(|deleted| *deleted |= browser::had_account());
            } else {
                self.deleted.set(false);
                browser::note_account(true);
            }
            self.session.set(Some(session));
        }
    }

    pub(super) fn storage_deleted(self) {
        if untrack(|| self.me()).is_some() {
            self.deleted.set(true);
        }
    }

    pub(super) fn set_connection(self, connection: Connection) {
        self.connection.set(connection);
    }
}
