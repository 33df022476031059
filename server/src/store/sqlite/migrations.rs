//! The forward-only migrations. A database with one that is not among them was made by a newer relay and is refused.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// Number, name and statements. A list, as sqlx's macro for this would compile SQLite a second time.
const SCRIPTS: [(i64, &str, &str); 6] = [
    (1, "first", include_str!("../../../migrations/sqlite/0001_first.sql")),
    (2, "mail", include_str!("../../../migrations/sqlite/0002_mail.sql")),
    (3, "wkd", include_str!("../../../migrations/sqlite/0003_wkd.sql")),
    (6, "refused_mail", include_str!("../../../migrations/sqlite/0006_refused_mail.sql")),
    (7, "belongings", include_str!("../../../migrations/sqlite/0007_belongings.sql")),
    (8, "waiting_pointers", include_str!("../../../migrations/sqlite/0008_waiting_pointers.sql")),
];

/// All of them.
pub(super) fn all() -> Migrator {
    let migration = |(number, name, script): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, script.into_sql_str(), false)
    };
    Migrator::with_migrations(SCRIPTS.map(migration).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, fs};

    #[test]
    fn all_scripts_of_the_directory_are_listed_under_their_names() {
        let listed: BTreeMap<String, String> = SCRIPTS
            .into_iter()
            .map(|(number, name, script)| (format!("{number:04}_{name}.sql"), script.to_owned()))
            .collect();
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let files: BTreeMap<String, String> = fs::read_dir(directory)
            .expect("a directory")
            .map(|file| file.expect("a file"))
            .map(|file| {
                let name = file.file_name().into_string().expect("a name");
                (name, fs::read_to_string(file.path()).expect("a script"))
            })
            .collect();
        assert_eq!(listed, files);
    }
}
