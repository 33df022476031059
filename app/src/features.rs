//! The stateful pieces.

pub mod chat;
pub mod mail;
pub mod onboarding;
pub mod people;
pub mod settings;
pub mod shell;
