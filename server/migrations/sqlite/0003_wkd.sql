-- What WKD calls a person (z-base-32 of SHA-1 of the local part), so that nobody has to be looked for one by one. It is
-- written with a new account; accounts from before this migration get theirs when the relay starts.

ALTER TABLE account ADD COLUMN wkd_hash TEXT;

CREATE UNIQUE INDEX account_by_wkd_hash ON account (wkd_hash);
