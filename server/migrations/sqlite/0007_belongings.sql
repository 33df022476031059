-- What the accounts here can't do without: the domain of their addresses, and hashes of the key files beside the database.
-- A relay that is started with others would break them all, so it refuses.

CREATE TABLE belonging (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
