//! Lists in large requests. A byte of input can make an item that takes up twenty times as much memory.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};

/// Items that are read. What a list may hold is checked by whoever takes it; this is far above that.
const MOST: usize = 1_000;

/// Reads a list, and refuses one that goes on for too long.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Items(PhantomData))
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MOST} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            if items.len() == MOST {
                return Err(A::Error::invalid_length(MOST + 1, &self));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use crate::mail::OutgoingMail;

    #[test]
    fn a_list_that_goes_on_for_too_long_is_refused() {
        let mail = |count| OutgoingMail { recipients: vec![String::new(); count], message: Vec::new() };
        let read = |count| crate::decode::<OutgoingMail>(&crate::encode(&mail(count)).unwrap());
        assert_eq!(read(super::MOST).unwrap().recipients.len(), super::MOST);
        assert!(read(super::MOST + 1).is_err());
    }
}
