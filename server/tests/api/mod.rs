//! The relay from outside: calls in the same process, push over a real socket.

mod accounts;
mod attacks;
mod certificates;
mod groups;
mod keys_and_inbox;
mod mail;
mod pictures;
mod push;
mod web;
mod wkd;
