//! The Web Key Directory (draft-koch-openpgp-webkey-service): what it calls a person, and where it is.

use data_encoding::{Encoding, Specification};
use sha1::{Digest as _, Sha1};
use std::sync::LazyLock;

/// z-base-32 (RFC 6189, section 5.1.6). 20 bytes make 32 characters without a remainder.
static Z_BASE_32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ybndrfg8ejkmcpqxot1uwisza345h769");
    specification.encoding().ok()
});

/// What WKD calls the person with this local part. Upper and lower case are the same person.
pub fn hash(local: &str) -> String {
    let digest = Sha1::digest(local.to_ascii_lowercase());
    Z_BASE_32.as_ref().map(|z_base_32| z_base_32.encode(&digest)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_drafts_example() {
        assert_eq!(hash("Joe.Doe"), "iy9q119eutrkn8s1mk4r39qejnbu3n5q");
    }
}
