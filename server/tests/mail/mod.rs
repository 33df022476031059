//! Mail from other servers, over real connections: what is taken is in the mailbox, once and unreadable to all but its
//! owner; what is not is refused in the session.

mod arrival;
mod attacks;
mod authentication;
mod sessions;
