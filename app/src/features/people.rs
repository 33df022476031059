//! People.

pub mod accept_change;
pub mod people_list;
pub mod person_details;
