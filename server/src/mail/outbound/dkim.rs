//! DKIM (RFC 6376): the relay's signature under mail to other domains, by which they know that it is ours.

use crate::secret_file;
use data_encoding::BASE64;
use mail_auth::{
    common::{
        crypto::{RsaKey, Sha256},
        headers::HeaderWriter as _,
    },
    dkim::{Canonicalization, DkimSigner, Done, generate::DkimKeyPair},
};
use rustls::{
    pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, alg_id::RSA_ENCRYPTION},
    sign::public_key_to_spki,
};
use std::{io, path::Path};

/// Every receiver takes this size, and its record fits into the DNS.
const BITS: usize = 2048;
/// What is signed. What is missing is signed as missing, so that nobody can add it; one more `From` as well.
const FIELDS: [&str; 14] = [
    "From",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Autocrypt",
];

/// Signs mail.
pub struct Dkim {
    signer: DkimSigner<RsaKey<Sha256>, Done>,
    record: Record,
}

/// What has to be in the DNS, or nobody can check a signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The name of the TXT record.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Dkim {
    /// Reads the key, or makes it on the first start.
    pub fn open(path: &Path, selector: &str, domain: &str) -> io::Result<Self> {
        let new = || DkimKeyPair::generate_rsa(BITS).map_err(io::Error::other);
        let bytes = secret_file::read_or_create(path, || Ok(new()?.private_key().to_vec()))?;
        let der = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(bytes.as_slice()));
        let key = RsaKey::<Sha256>::from_key_der(der).map_err(|_| secret_file::damaged("dkim.key"))?;
        let public = public_key_to_spki(&RSA_ENCRYPTION, key.public_key());
        let record = Record {
            name: format!("{selector}._domainkey.{domain}"),
            text: format!("v=DKIM1; k=rsa; p={}", BASE64.encode(&public)),
        };
        let signer = DkimSigner::from_key(key)
            .domain(domain)
            .selector(selector)
            .headers(FIELDS)
            .header_canonicalization(Canonicalization::Relaxed)
            .body_canonicalization(Canonicalization::Relaxed);
        Ok(Self { signer, record })
    }

    /// What has to be in the DNS.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The message with a signature before it. Without one, if that can't be made: servers may take it all the same.
    pub fn sign(&self, message: Vec<u8>) -> Vec<u8> {
        match self.signer.sign(&message) {
            Ok(signature) => [signature.to_header().into_bytes(), message].concat(),
            Err(_) => {
                tracing::error!("a mail could not be signed");
                message
            }
        }
    }
}
