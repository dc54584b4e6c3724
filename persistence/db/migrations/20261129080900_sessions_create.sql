-- +goose Up

-- Sign-ins and what came of them. kind is 0 for a token, 1 for one that is refreshed, 2
-- for a cookie; idle_limit is in milliseconds, 0 for none.
CREATE TABLE sessions (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    id              text COLLATE {{.Bytewise}} NOT NULL,
    kind            bigint NOT NULL,
    token_epoch     bigint NOT NULL,
    environment_id  bigint NOT NULL,
    secret_hash     text NOT NULL,
    renewals        bigint NOT NULL,
    renewed_at      bigint NOT NULL,
    created_at      bigint NOT NULL,
    last_at         bigint NOT NULL,
    expires_at      bigint NOT NULL,
    idle_limit      bigint NOT NULL,
    client          text NOT NULL,
    network         text NOT NULL,
    surface         text NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (organization_id, user_id, id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Where users signed in from before, as keyed hashes of addresses.
CREATE TABLE known_addresses (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    address         text COLLATE {{.Bytewise}} NOT NULL,
    last_at         bigint NOT NULL,
    CONSTRAINT known_addresses_pkey PRIMARY KEY (organization_id, user_id, address),
    CONSTRAINT known_addresses_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};

-- The names of the keys that sign tokens; the keys are derived from the server's key.
-- until_at is 0 for the one that signs.
CREATE TABLE signing_keys (
    id         text COLLATE {{.Bytewise}} NOT NULL,
    created_at bigint NOT NULL,
    until_at   bigint NOT NULL,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (id)
) {{.StoredByKey}};
