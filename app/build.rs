//! Whether the screens that are loaded on demand become files of their own.

/// `cargo xtask` sets this for a release, and takes the linked program apart afterwards.
const SPLIT: &str = "HAVEN_SPLIT";

fn main() {
    println!("cargo::rerun-if-env-changed={SPLIT}");
    println!("cargo::rustc-check-cfg=cfg(split)");
    if std::env::var_os(SPLIT).is_some() {
        println!("cargo::rustc-cfg=split");
        println!("cargo::rustc-link-arg-bins=--emit-relocs");
    }
}
