//! The WebSocket at [`PATH`]: CBOR in binary frames. Frames are hints: nothing depends on their arrival.
//!
//! The client sends [`ToRelay::Hello`] first; a socket without one is closed after 10 s. Either side may ping with
//! [`ToRelay::Ping`]; a socket on which nothing came for 60 s is closed.

use crate::{
    group::{Opened, Row},
    ids::*,
};
use serde::{Deserialize, Serialize};

/// Where the socket is.
pub const PATH: &str = "/v1/socket";

/// Client to relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToRelay {
    /// Names the device, for news of its inbox.
    Hello {
        /// The device's session.
        session: SessionToken,
    },
    /// Wants the rows of groups. A later one for the same group replaces the earlier.
    Subscribe(Vec<Opened>),
    /// Wants no more rows of these groups.
    Unsubscribe(Vec<GroupId>),
    /// Is the socket alive?
    Ping(u64),
}

/// Relay to client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRelay {
    /// Answer to a good hello.
    Welcome,
    /// New rows, in order.
    Rows {
        /// The group.
        group_id: GroupId,
        /// The rows.
        rows: Vec<Row>,
    },
    /// There are rows up to this one: too large for a frame, or some were left out. Fetch them.
    Head {
        /// The group.
        group_id: GroupId,
        /// The last sequence number.
        head: u64,
    },
    /// The subscription has ended: a barrier came, or the token doesn't fit. Subscribe with the newer token.
    Closed {
        /// The group.
        group_id: GroupId,
    },
    /// There is something in the inbox.
    Inbox,
    /// The mailbox has entries up to this one.
    Mailbox {
        /// The last sequence number.
        head: u64,
    },
    /// Somebody took key packages, and fewer than half are left.
    KeyPackagesLow,
    /// Answer to a ping.
    Pong(u64),
    /// The hello was refused: the session is unknown or revoked.
    SignedOut,
}
