//! Signing up, signing in, recovering.

pub mod entrance;
pub mod new_password;
pub mod own_key;
pub mod phrase;
pub mod recover;
pub mod sign_in;
pub mod sign_up;
