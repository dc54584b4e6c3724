-- +goose Up

-- The least role that members of a group act with, 0 for none, and what a product calls it.
ALTER TABLE groups ADD COLUMN role bigint NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN role_title text NOT NULL DEFAULT '';

-- Products name groups by their UUID alone.
CREATE INDEX groups_uuid_idx ON groups (uuid);

-- +goose Down
DROP INDEX groups_uuid_idx;
ALTER TABLE groups DROP COLUMN role_title;
ALTER TABLE groups DROP COLUMN role;
