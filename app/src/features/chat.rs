//! Conversations.

mod composer;
pub mod conversation;
pub mod conversation_list;
pub mod details;
mod layout;
mod membership;
mod message_row;
pub mod new_conversation;
mod reading;
mod request;
mod state_banner;
mod timeline;
