//! Signing up, signing in, recovering.

pub mod bring_key;
pub mod entrance;
pub mod make_room;
pub mod new_password;
pub mod own_key;
pub mod phrase;
pub mod recover;
pub mod sign_in;
pub mod sign_up;
