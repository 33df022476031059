//! Takes the page's program apart: what only some pages need becomes files of their own, downloaded when one opens.
//!
//! `app/src/pages/later.rs` marks what may come later. The linker keeps its notes in the program (`app/build.rs`), and
//! from these wasm-split sees what is reached from there alone. The parts share memory, table and runtime with the rest.
//! Trunk can't do this, so its page, made of the whole program, is replaced here.
//!
//! All files of a page have one hash, over all of them, in their names: parts of different builds must not meet.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    fingerprint,
    process::{Failure, Outcome, Run},
    workspace,
};

/// Tells `app/build.rs` that the program will be taken apart.
pub const SPLIT: &str = "HAVEN_SPLIT";

/// How the names of the parts begin.
pub const PREFIX: &str = "part-";

/// The page's program.
const PAGE: &str = "haven-app";
/// What wasm-split calls the script that fetches the parts, and what the page's program imports.
const FETCHER: &str = "./__wasm_split.js";

/// Replaces the page in `dist` by one in parts. Cargo has built the program before, with [`SPLIT`].
pub fn replace_page(dist: &Path) -> Outcome {
    let folder = workspace::notes()?.join("parts");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file("Removing", &folder, &error))?;
    }
    let page = folder.join("page");
    take_apart(&folder)?;
    bind(&folder.join(PAGE).with_extension("wasm"), &page)?;
    let parts = parts(&folder)?;
    optimise(&page.join(format!("{PAGE}_bg.wasm")))?;
    parts.iter().try_for_each(|part| optimise(part))?;
    place(&folder, &page, &parts, dist)
}

fn take_apart(folder: &Path) -> Outcome {
    let program = workspace::target().join("wasm32-unknown-unknown/release").join(PAGE);
    Run::new("wasm-split-cli")
        .args([&program.with_extension("wasm"), folder])
        .args(["--out-name", PAGE])
        .wait()
}

/// Joins the program and JavaScript. The parts need the stack pointer and the table, which nobody else would.
fn bind(program: &Path, page: &Path) -> Outcome {
    Run::new("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--keep-lld-exports", "--out-dir"])
        .args([page, program])
        .wait()
}

fn optimise(program: &Path) -> Outcome {
    Run::new("wasm-opt").args(["-Oz", "--quiet"]).args([program, Path::new("-o"), program]).wait()
}

/// What wasm-split made beside the page: `split_<name>.wasm`, and `chunk_<number>.wasm` for what several of them need.
fn parts(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = fingerprint::files(folder)?;
    files.retain(|file| {
        let name = name(file);
        file.parent() == Some(folder)
            && name.ends_with(".wasm")
            && (name.starts_with("split_") || name.starts_with("chunk_"))
    });
    if files.is_empty() {
        return Err(Failure::new("The page has no parts: was it built without its linker's notes?"));
    }
    Ok(files)
}

/// Copies everything into `dist` under names that hold a hash, and writes these where others refer to them.
fn place(folder: &Path, page: &Path, parts: &[PathBuf], dist: &Path) -> Outcome {
    let fetcher = folder.join(FETCHER);
    let (script, program) = (page.join(format!("{PAGE}.js")), page.join(format!("{PAGE}_bg.wasm")));
    let all = [parts, &[fetcher.clone(), script.clone(), program.clone()]].concat();
    let hash = format!("{:016x}", hash(&all)?);

    let before = take_out(dist)?;
    let after = format!("{PAGE}-{hash}");
    let fetcher_after = format!("{after}_parts.js");
    let copy = |from: &Path, to: &str| {
        fs::copy(from, dist.join(to)).map(drop).map_err(|error| Failure::file("Copying", from, &error))
    };
    copy(&program, &format!("{after}_bg.wasm"))?;
    // Only where it is imported: the program knows the fetcher by its first name.
    let import = |name: &str| format!("from \"{name}\"");
    let renamed = replaced(&script, &[(import(FETCHER), import(&format!("./{fetcher_after}")))])?;
    write(&dist.join(format!("{after}.js")), &renamed)?;

    let mut names = vec![(format!("./{PAGE}.js"), format!("./{after}.js"))];
    for part in parts {
        let placed = part_name(&name(part), &hash);
        copy(part, &placed)?;
        names.push((format!("./{}", name(part)), format!("./{placed}")));
    }
    write(&dist.join(&fetcher_after), &replaced(&fetcher, &names)?)?;

    let index = dist.join("index.html");
    // Or it would be asked for only after the page's script is there.
    let preload = "<link rel=\"modulepreload\"";
    let one_more = format!("{preload} href=\"/{fetcher_after}\">{preload}");
    let with_names = replaced(&index, &[(before, after), (preload.to_owned(), one_more)])?;
    write(&index, &with_names)
}

/// `split_mail.wasm` is `part-mail-<hash>.wasm`.
fn part_name(name: &str, hash: &str) -> String {
    let stem = name.strip_prefix("split_").unwrap_or(name).trim_end_matches(".wasm");
    format!("{PREFIX}{stem}-{hash}.wasm")
}

/// Removes Trunk's page, and says how its files' names began.
fn take_out(dist: &Path) -> Outcome<String> {
    let mut files = fingerprint::files(dist)?;
    files.retain(|file| file.parent() == Some(dist) && name(file).starts_with(&format!("{PAGE}-")));
    let script = files.iter().map(|file| name(file)).find(|name| name.ends_with(".js"));
    let Some(stem) = script.as_deref().and_then(|name| name.strip_suffix(".js")) else {
        return Err(Failure::new(format!("Trunk made no {PAGE}-<hash>.js.")));
    };
    for file in &files {
        fs::remove_file(file).map_err(|error| Failure::file("Removing", file, &error))?;
    }
    Ok(stem.to_owned())
}

fn hash(files: &[PathBuf]) -> Outcome<u64> {
    let mut contents = Vec::new();
    for file in files {
        contents.extend(fs::read(file).map_err(|error| Failure::file("Reading", file, &error))?);
    }
    Ok(fingerprint::of_bytes(&contents))
}

/// A text file's content with other names in it. Each has to be there, or a tool writes differently now.
fn replaced(file: &Path, names: &[(String, String)]) -> Outcome<String> {
    let mut text = fs::read_to_string(file).map_err(|error| Failure::file("Reading", file, &error))?;
    for (before, after) in names {
        if !text.contains(before.as_str()) {
            return Err(Failure::new(format!("{} does not mention `{before}` any more.", file.display())));
        }
        text = text.replace(before.as_str(), after);
    }
    Ok(text)
}

fn write(file: &Path, text: &str) -> Outcome {
    fs::write(file, text).map_err(|error| Failure::file("Writing", file, &error))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_after_what_they_hold() {
        assert_eq!(part_name("split_mail.wasm", "0a"), "part-mail-0a.wasm");
        assert_eq!(part_name("chunk_3.wasm", "0a"), "part-chunk_3-0a.wasm");
    }

    #[test]
    fn a_name_that_is_not_there_is_a_mistake() {
        let file = std::env::temp_dir().join(format!("haven-parts-{}", std::process::id()));
        fs::write(&file, "import \"./a.js\"; import \"./a.js\"").unwrap();
        let names = |before: &str| [(before.to_owned(), "./b.js".to_owned())];
        assert_eq!(replaced(&file, &names("./a.js")).unwrap(), "import \"./b.js\"; import \"./b.js\"");
        assert!(replaced(&file, &names("./c.js")).is_err());
        fs::remove_file(&file).unwrap();
    }
}
