//! The kit: pieces that draw what they are given.

pub mod address_field;
pub mod avatar;
pub mod button;
pub mod copyable;
pub mod device;
pub mod dialog;
pub mod empty_state;
pub mod field;
pub mod icon;
pub mod notice;
pub mod spinner;
pub mod toasts;

pub use address_field::AddressField;
pub use avatar::Avatar;
pub use button::{Button, IconButton, Kind};
pub use copyable::Copyable;
pub use device::DeviceLines;
pub use dialog::Dialog;
pub use empty_state::EmptyState;
pub use field::{PasswordField, TextField};
pub use icon::Icon;
pub use notice::{Notice, Tone};
pub use spinner::Spinner;
pub use toasts::ToastArea;
