-- +goose Up

-- An entry that counts what is alike, as sign-ins are, says how often it happened and when for the last
-- time; last_at is 0 for one that stands for one change.
ALTER TABLE audit ADD COLUMN times bigint NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN last_at bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE audit DROP COLUMN times;
ALTER TABLE audit DROP COLUMN last_at;
