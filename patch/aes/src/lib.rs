//! RustCrypto's `aes` 0.9 under the interface of 0.8.
//!
//! `Cargo.toml` of the workspace puts it in the place of `aes` 0.8, which Sequoia and OpenMLS's provider still ask for.
//! Both versions are constant-time and of the same authors; 0.9 enciphers four blocks at a time in WebAssembly where
//! 0.8 does two. There is no cryptography here, only the old traits over the new ones; this
//! package goes when both have moved to 0.9.

pub use cipher;

use aes_09::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use cipher::{
    AlgorithmName, BlockBackend, BlockCipher, BlockClosure, BlockDecrypt, BlockEncrypt, BlockSizeUser, Key,
    KeyInit, KeySizeUser, ParBlocks, ParBlocksSizeUser,
    consts::{U8, U16, U24, U32},
    generic_array::GenericArray,
    inout::InOut,
};
use std::fmt;

/// A block.
pub type Block = GenericArray<u8, U16>;
/// Eight blocks: two rounds of WebAssembly's four, one of AES-NI's.
pub type Block8 = GenericArray<Block, U8>;

/// A new block of the same bytes.
fn new(block: &Block) -> aes_09::Block {
    <[u8; 16]>::from(*block).into()
}

/// An old block of the same bytes.
fn old(block: aes_09::Block) -> Block {
    <[u8; 16]>::from(block).into()
}

/// Both directions of a cipher differ in one method.
macro_rules! backend {
    ($backend:ident, $cipher:ident, $one:ident, $many:ident) => {
        struct $backend<'a>(&'a aes_09::$cipher);

        impl BlockSizeUser for $backend<'_> {
            type BlockSize = U16;
        }

        impl ParBlocksSizeUser for $backend<'_> {
            type ParBlocksSize = U8;
        }

        impl BlockBackend for $backend<'_> {
            #[inline(always)]
            fn proc_block(&mut self, mut block: InOut<'_, '_, Block>) {
                let mut one = new(block.get_in());
                self.0.$one(&mut one);
                *block.get_out() = old(one);
            }

            // A function of its own, so that it is as fast in packages that are built for size.
            #[inline(never)]
            fn proc_par_blocks(&mut self, mut blocks: InOut<'_, '_, ParBlocks<Self>>) {
                let mut many = <[Block; 8]>::from(*blocks.get_in()).map(|block| new(&block));
                self.0.$many(&mut many);
                *blocks.get_out() = many.map(old).into();
            }
        }
    };
}

macro_rules! cipher {
    ($name:ident, $size:ty, $bytes:literal, $text:literal, $encrypt:ident, $decrypt:ident) => {
        #[doc = $text]
        #[derive(Clone)]
        pub struct $name(aes_09::$name);

        backend!($encrypt, $name, encrypt_block, encrypt_blocks);
        backend!($decrypt, $name, decrypt_block, decrypt_blocks);

        impl BlockCipher for $name {}

        impl KeySizeUser for $name {
            type KeySize = $size;
        }

        impl BlockSizeUser for $name {
            type BlockSize = U16;
        }

        impl KeyInit for $name {
            #[inline]
            fn new(key: &Key<Self>) -> Self {
                Self(aes_09::$name::new(&<[u8; $bytes]>::from(*key).into()))
            }
        }

        impl BlockEncrypt for $name {
            #[inline]
            fn encrypt_with_backend(&self, f: impl BlockClosure<BlockSize = U16>) {
                f.call(&mut $encrypt(&self.0));
            }
        }

        impl BlockDecrypt for $name {
            #[inline]
            fn decrypt_with_backend(&self, f: impl BlockClosure<BlockSize = U16>) {
                f.call(&mut $decrypt(&self.0));
            }
        }

        impl AlgorithmName for $name {
            fn write_alg_name(f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($text, " { .. }"))
            }
        }
    };
}

cipher!(Aes128, U16, 16, "Aes128", Encrypt128, Decrypt128);
cipher!(Aes192, U24, 24, "Aes192", Encrypt192, Decrypt192);
cipher!(Aes256, U32, 32, "Aes256", Encrypt256, Decrypt256);

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C: the same text under keys of all three sizes.
    #[test]
    fn the_standards_examples_come_out() {
        fn check<C>(expected: [u8; 16])
        where
            C: BlockCipher + BlockEncrypt + BlockDecrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
        {
            let key: Vec<u8> = (0..C::key_size()).map(|byte| byte as u8).collect();
            let cipher = C::new_from_slice(&key).unwrap();
            let text: [u8; 16] = std::array::from_fn(|at| at as u8 * 0x11);
            // One alone, and more than go together.
            for count in [1, 7, 8, 19] {
                let mut blocks = vec![Block::from(text); count];
                cipher.encrypt_blocks(&mut blocks);
                assert!(blocks.iter().all(|block| block.as_slice() == expected), "{count}");
                cipher.decrypt_blocks(&mut blocks);
                assert!(blocks.iter().all(|block| block.as_slice() == text), "{count}");
            }
        }
        check::<Aes128>(hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
        check::<Aes192>(hex("dda97ca4864cdfe06eaf70a0ec0d7191"));
        check::<Aes256>(hex("8ea2b7ca516745bfeafc49904b496089"));
    }

    fn hex(digits: &str) -> [u8; 16] {
        u128::from_str_radix(digits, 16).unwrap().to_be_bytes()
    }
}
