//! Brotli at its slowest and smallest, once per content: the relay serves `<file>.br` beside each file as it is.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use brotli::enc::BrotliEncoderParams;

use crate::{
    fingerprint,
    process::{Failure, Outcome},
    workspace,
};

/// What is worth compressing. Images and fonts are compressed already.
const COMPRESSIBLE: [&str; 10] =
    ["css", "html", "ico", "js", "json", "map", "svg", "txt", "wasm", "webmanifest"];

/// Writes `<file>.br` beside each compressible file below `directory`. Results are kept by content, so that only
/// what changed is compressed again.
pub fn directory(directory: &Path) -> Outcome {
    let kept = workspace::notes()?.join("brotli");
    fs::create_dir_all(&kept).map_err(|error| Failure::file("Creating", &kept, &error))?;
    let files = compressible(directory)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sources = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            sources.push(compress(file, &kept)?);
        }
        Ok(sources)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let used = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Outcome<Vec<PathBuf>>>| {
            let broken = |_| Err(Failure::new("Compressing broke off: a fault of xtask."));
            worker.join().unwrap_or_else(broken)
        };
        running.into_iter().map(join).collect::<Outcome<Vec<_>>>()
    })?;
    forget_unused(&kept, &used.concat())
}

/// Largest first, so that the workers end together.
fn compressible(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = fingerprint::files(directory)?;
    files.retain(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| COMPRESSIBLE.contains(&extension))
    });
    files.sort_by_key(|file| std::cmp::Reverse(file.metadata().map_or(0, |data| data.len())));
    Ok(files)
}

/// Compresses one file, unless its content was compressed before, and returns what is kept for next time.
fn compress(file: &Path, kept: &Path) -> Outcome<PathBuf> {
    let content = fs::read(file).map_err(|error| Failure::file("Reading", file, &error))?;
    let key = fingerprint::of_bytes(&content);
    let source = kept.join(format!("{key:016x}-{}.br", content.len()));
    if !source.exists() {
        let compressed = brotli(&content).map_err(|error| Failure::file("Compressing", file, &error))?;
        // Written under another name first: half a file must not be found next time.
        let partial = source.with_extension("partial");
        fs::write(&partial, compressed)
            .and_then(|()| fs::rename(&partial, &source))
            .map_err(|error| Failure::file("Writing", &source, &error))?;
    }
    place(&source, file)?;
    Ok(source)
}

fn brotli(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        lgwin: 24,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

/// Puts the compressed file beside `file` if it is smaller, and if it isn't there: a new time of change would build
/// the relay again.
fn place(source: &Path, file: &Path) -> Outcome {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    let destination = PathBuf::from(name);
    let bytes = |path: &Path| path.metadata().map_or(0, |data| data.len());
    if bytes(source) >= bytes(file) {
        return Ok(());
    }
    let read = |path: &Path| fs::read(path).ok();
    if read(&destination).is_none() || read(&destination) != read(source) {
        fs::copy(source, &destination).map_err(|error| Failure::file("Writing", &destination, &error))?;
    }
    Ok(())
}

fn forget_unused(kept: &Path, used: &[PathBuf]) -> Outcome {
    for file in fingerprint::files(kept)? {
        if !used.contains(&file) {
            fs::remove_file(&file).map_err(|error| Failure::file("Removing", &file, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_whole() {
        let content = b"the same words, the same words, the same words".repeat(50);
        let compressed = brotli(&content).unwrap();
        assert!(compressed.len() < content.len() / 10);
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &*compressed, &mut back).unwrap();
        assert_eq!(back, content);
    }
}
