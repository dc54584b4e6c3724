-- +goose Up

-- What a client called its request, beside the number that the server gave it.
ALTER TABLE audit ADD COLUMN client_request_id text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit DROP COLUMN client_request_id;
