-- Two halves that must never be joined: accounts with their devices, and groups with their logs. No table holds a
-- column of both, and tables that a commit fills beside its log row (welcome, outbox, inbox) have random keys and no
-- rowid, so that not even the order of insertion ties a device to a group. Times are days since 1970.

-- Accounts ---------------------------------------------------------------------------------------------------------

CREATE TABLE account (
    account_id          BLOB    NOT NULL PRIMARY KEY,
    local_part          TEXT    NOT NULL UNIQUE,
    creation_hash       BLOB    NOT NULL,
    opaque_record       BLOB    NOT NULL,
    memory_kib          INTEGER NOT NULL,
    passes              INTEGER NOT NULL,
    recovery_login_hash BLOB    NOT NULL,
    wrap_password       BLOB    NOT NULL,
    wrap_recovery       BLOB    NOT NULL,
    vault_version       INTEGER NOT NULL,
    vault_body          BLOB    NOT NULL,
    certificate         BLOB    NOT NULL,
    list_sequence       INTEGER NOT NULL,
    list_document       BLOB    NOT NULL,
    created_day         INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE device (
    device_id    BLOB    NOT NULL PRIMARY KEY,
    account_id   BLOB    NOT NULL REFERENCES account (account_id) ON DELETE CASCADE,
    session_hash BLOB    NOT NULL UNIQUE,
    inbox_next   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX device_by_account ON device (account_id);

CREATE TABLE key_package (
    device_id BLOB    NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
    suite     INTEGER NOT NULL,
    reference BLOB    NOT NULL,
    body      BLOB    NOT NULL,
    PRIMARY KEY (device_id, suite, reference)
) WITHOUT ROWID;

CREATE TABLE last_resort (
    device_id BLOB    NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
    suite     INTEGER NOT NULL,
    body      BLOB    NOT NULL,
    used      INTEGER NOT NULL,
    PRIMARY KEY (device_id, suite)
) WITHOUT ROWID;

-- The hash of every key package that was ever published, so that a repeated publication can't bring one back that was
-- given out meanwhile.
CREATE TABLE published_key_package (
    reference BLOB    NOT NULL PRIMARY KEY,
    day       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX published_key_package_by_day ON published_key_package (day);

CREATE TABLE inbox (
    device_id   BLOB    NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
    sequence    INTEGER NOT NULL,
    delivery_id BLOB    NOT NULL,
    sealed      BLOB    NOT NULL,
    PRIMARY KEY (device_id, sequence),
    UNIQUE (device_id, delivery_id)
) WITHOUT ROWID;

-- Groups -----------------------------------------------------------------------------------------------------------

CREATE TABLE group_state (
    group_id      BLOB    NOT NULL PRIMARY KEY,
    epoch         INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each epoch: the hash of its token, and which rows the token opens. `last_sequence` is empty until the
-- barrier (or the 256th commit) that ends the token has come.
CREATE TABLE group_epoch (
    group_id       BLOB    NOT NULL,
    epoch          INTEGER NOT NULL,
    token_hash     BLOB    NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence  INTEGER,
    day            INTEGER NOT NULL,
    PRIMARY KEY (group_id, epoch)
) WITHOUT ROWID;

CREATE INDEX group_epoch_by_day ON group_epoch (day);

-- kind: 0 application, 1 commit. Rows of some kilobytes are best kept in a table with a rowid.
CREATE TABLE group_log (
    group_id        BLOB    NOT NULL,
    sequence        INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    message_id      BLOB    NOT NULL,
    ciphertext      BLOB    NOT NULL,
    next_token_hash BLOB,
    barrier         INTEGER,
    day             INTEGER NOT NULL,
    PRIMARY KEY (group_id, sequence),
    UNIQUE (group_id, message_id)
);

CREATE INDEX group_log_by_day ON group_log (kind, day);

CREATE TABLE welcome (
    welcome_id BLOB    NOT NULL PRIMARY KEY,
    welcome    BLOB    NOT NULL,
    day        INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX welcome_by_day ON welcome (day);

-- Pointers on their way to inboxes.
CREATE TABLE outbox (
    outbox_id BLOB NOT NULL PRIMARY KEY,
    inbox     BLOB NOT NULL,
    sealed    BLOB NOT NULL
) WITHOUT ROWID;

-- What the readiness check writes.
CREATE TABLE probe (
    probe_id INTEGER NOT NULL PRIMARY KEY,
    counter  INTEGER NOT NULL
) WITHOUT ROWID;
