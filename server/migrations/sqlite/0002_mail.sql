-- Mail: what each person keeps, and what is on its way to other servers. Bodies are encrypted to the person's
-- certificate or sealed by their devices; what is on its way is sealed under a key outside the database.

-- How long each mailbox is, and how full. It comes with the first entry.
CREATE TABLE mailbox (
    account_id    BLOB    NOT NULL PRIMARY KEY REFERENCES account (account_id) ON DELETE CASCADE,
    next_sequence INTEGER NOT NULL,
    used          INTEGER NOT NULL
) WITHOUT ROWID;

-- kind: 0 arrived, 1 sent, 2 delivery, 3 note, 4 deleted. A deleted entry keeps its id, so that a repeated call or
-- delivery doesn't bring it back; it has no body and a sequence number of its own. Bodies of megabytes are best kept in
-- a table with a rowid, and in its last column.
CREATE TABLE mailbox_entry (
    account_id BLOB    NOT NULL REFERENCES mailbox (account_id) ON DELETE CASCADE,
    sequence   INTEGER NOT NULL,
    entry_id   BLOB    NOT NULL,
    kind       INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    body       BLOB,
    PRIMARY KEY (account_id, sequence),
    UNIQUE (account_id, entry_id)
);

-- Mail to other servers: who sends it to whom (envelope) and what (message), both sealed. Here times are seconds since
-- 1970, because servers expect the next attempt after minutes. taken_until: somebody is trying it until then.
CREATE TABLE mail_queue (
    queue_id    BLOB    NOT NULL PRIMARY KEY,
    due         INTEGER NOT NULL,
    taken_until INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    first_tried INTEGER NOT NULL,
    envelope    BLOB    NOT NULL,
    message     BLOB    NOT NULL
);

CREATE INDEX mail_queue_by_due ON mail_queue (due);
