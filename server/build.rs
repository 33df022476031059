//! Lets the relay compile before the web app was ever built.

use std::{fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<title>Haven</title>
<p>The relay is running. The web app was not built into it: run <code>cargo xtask run</code>, or build the app with
<code>trunk build</code> and then the relay again.</p>
</html>
";

fn main() -> std::io::Result<()> {
    let dist = Path::new("../dist");
    fs::create_dir_all(dist)?;
    if fs::read_dir(dist)?.next().is_none() {
        fs::write(dist.join("index.html"), PLACEHOLDER)?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    // Other builds read the files when they start.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed=../dist");
    }
    Ok(())
}
