-- +goose Up

-- How many characters a password needs at least that an administrator sets for somebody; 0 leaves it to the server.
ALTER TABLE sign_in_rules ADD COLUMN min_set_password bigint NOT NULL DEFAULT 0;

-- How many levels above the environment they stood who set the rules from highest up; 0 is nobody above it.
ALTER TABLE sign_in_rules ADD COLUMN from_above bigint NOT NULL DEFAULT 0;
