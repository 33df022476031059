//! People.

pub mod accept_change;
pub mod add_key;
pub mod compare;
pub mod people_list;
pub mod person_details;
