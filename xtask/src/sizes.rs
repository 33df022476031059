//! What a person has to download, against what we allow ourselves.

use std::path::{Path, PathBuf};

use crate::{
    fingerprint,
    process::{Failure, Outcome},
    web, workspace,
};

/// A part of the web app: its WebAssembly and the JavaScript that loads it.
struct Budget {
    part: &'static str,
    /// How the names of its files begin.
    files: &'static str,
    /// After brotli. A thousand bytes are a kilobyte.
    kilobytes: u64,
}

const BUDGETS: [Budget; 6] = [
    // For the first screen, and for chats.
    Budget { part: "user interface", files: "haven-app-", kilobytes: 250 },
    Budget { part: "engine", files: "haven-worker", kilobytes: 1300 },
    // When one of their pages is opened.
    Budget { part: "pages of mail", files: "part-mail-", kilobytes: 120 },
    Budget { part: "pages of people and settings", files: "part-people-", kilobytes: 50 },
    Budget { part: "what these pages share", files: "part-chunk_", kilobytes: 10 },
    // When mail is opened or written.
    Budget { part: "mail", files: "haven-mail", kilobytes: 1100 },
];

/// Prints the size of each part after compression. Fails if one is larger than its budget.
pub fn check() -> Outcome {
    web::release()?;
    let files = fingerprint::files(Path::new(workspace::DIST))?;
    let over: Vec<&str> =
        BUDGETS.iter().filter(|budget| !within(budget, &files)).map(|budget| budget.part).collect();
    if over.is_empty() { Ok(()) } else { Err(Failure::new(format!("Over its budget: {}.", over.join(", ")))) }
}

/// Prints one part's files. A part without any is not within its budget: then the names here are wrong.
fn within(budget: &Budget, files: &[PathBuf]) -> bool {
    let mut sum = 0;
    for file in files.iter().filter(|file| belongs(budget, file)) {
        let bytes = file.metadata().map_or(0, |data| data.len());
        eprintln!("{:>9} kB  {}", kilobytes(bytes), file.display());
        sum += bytes;
    }
    let Budget { part, kilobytes: limit, .. } = budget;
    eprintln!("{:>9} kB  of {limit} kB: {part}", kilobytes(sum));
    sum > 0 && sum <= limit * 1000
}

fn belongs(budget: &Budget, file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(budget.files) && (name.ends_with(".wasm.br") || name.ends_with(".js.br"))
}

fn kilobytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compressed_code_of_the_part_counts() {
        let [ui, engine, pages, .., mail] = &BUDGETS;
        assert!(belongs(ui, Path::new("dist/haven-app-1f_bg.wasm.br")));
        assert!(!belongs(ui, Path::new("dist/haven-app-1f_bg.wasm")));
        assert!(!belongs(ui, Path::new("dist/haven-worker_bg.wasm.br")));
        assert!(belongs(ui, Path::new("dist/haven-app-1f_parts.js.br")));
        assert!(belongs(pages, Path::new("dist/part-mail-1f.wasm.br")));
        assert!(belongs(engine, Path::new("dist/haven-worker.js.br")));
        assert!(belongs(mail, Path::new("dist/haven-mail_bg.wasm.br")));
    }

    #[test]
    fn a_part_without_files_is_a_mistake() {
        assert!(!within(&BUDGETS[0], &[]));
    }
}
