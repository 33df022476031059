//! Mail: folders, lists, reading, writing.

pub mod actions;
mod answer;
mod attachments;
mod badges;
mod body;
pub mod composer;
mod draft_files;
mod draft_state;
pub mod folders;
mod formatting;
mod frame;
pub mod list;
mod mail_card;
mod marks;
pub mod new_mail;
mod outgoing;
pub mod reader;
mod recipients;
mod sending;
pub mod shortcuts;
mod source;
