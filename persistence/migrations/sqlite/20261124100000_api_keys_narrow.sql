-- +goose Up

-- Until when an API key is good (0 is for ever), to which permissions it is narrowed (0 is not), and to
-- which environment with everything below it (empty is not).
ALTER TABLE api_keys ADD COLUMN expires_at bigint NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN mask bigint NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN environment_path text NOT NULL DEFAULT '';
CREATE INDEX api_keys_environment_path_idx ON api_keys (environment_path) WHERE environment_path <> '';

-- +goose Down
DROP INDEX api_keys_environment_path_idx;
ALTER TABLE api_keys DROP COLUMN environment_path;
ALTER TABLE api_keys DROP COLUMN mask;
ALTER TABLE api_keys DROP COLUMN expires_at;
