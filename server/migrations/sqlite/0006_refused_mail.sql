-- Mail that was turned away because its recipient's certificate can't be used: how often, and the last day. The person is
-- told.

ALTER TABLE account ADD COLUMN refused_mail INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN refused_day INTEGER NOT NULL DEFAULT 0;
