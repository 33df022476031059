//! One thin page per route.

pub mod chat;
pub mod home;
pub mod later;
pub mod mail;
pub mod not_found;
pub mod people;
pub mod settings;
pub mod welcome;
