-- A pointer whose inbox is full waits here until its device has emptied that.

ALTER TABLE outbox ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;

CREATE INDEX outbox_waiting ON outbox (inbox) WHERE waits = 1;
