-- +goose Up

-- What products keep of a user beyond the columns of users. value_key is the folded value, for
-- comparing.
CREATE TABLE user_attributes (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    name            text NOT NULL,
    value           text NOT NULL,
    value_key       text NOT NULL,
    CONSTRAINT user_attributes_pkey PRIMARY KEY (organization_id, user_id, name),
    CONSTRAINT user_attributes_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Products name things by their UUID alone.
CREATE INDEX users_uuid_idx ON users (uuid);
CREATE INDEX environments_uuid_idx ON environments (uuid);

-- +goose Down
DROP INDEX environments_uuid_idx;
DROP INDEX users_uuid_idx;
DROP TABLE user_attributes;
