//! Whether files changed since the last time.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::process::{Failure, Outcome};

/// All files below `path`, or `path` itself, in a fixed order.
pub fn files(path: &Path) -> Outcome<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let reading = |error: &_| Failure::file("Reading", path, error);
    for entry in fs::read_dir(path).map_err(|error| reading(&error))? {
        let entry = entry.map_err(|error| reading(&error))?;
        found.extend(files(&entry.path())?);
    }
    found.sort();
    Ok(found)
}

/// A number that changes when a name or the content of any of these files does. Detects accidents, not attacks.
pub fn of(files: &[PathBuf]) -> Outcome<u64> {
    let mut hasher = DefaultHasher::new();
    for path in files {
        let content = fs::read(path).map_err(|error| Failure::file("Reading", path, &error))?;
        path.hash(&mut hasher);
        content.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The same for bytes.
pub fn of_bytes(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_content_both_count() {
        let directory = std::env::temp_dir().join(format!("haven-xtask-{}", std::process::id()));
        fs::create_dir_all(directory.join("inner")).unwrap();
        let (one, two) = (directory.join("inner/one"), directory.join("two"));
        fs::write(&one, "a").unwrap();
        fs::write(&two, "a").unwrap();
        assert_eq!(files(&directory).unwrap(), [one.clone(), two.clone()]);
        let before = of(std::slice::from_ref(&one)).unwrap();
        assert_ne!(before, of(&[two]).unwrap());
        fs::write(&one, "b").unwrap();
        assert_ne!(before, of(&[one]).unwrap());
        fs::remove_dir_all(directory).unwrap();
    }
}
