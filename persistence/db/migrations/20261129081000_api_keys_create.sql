-- +goose Up

-- Keys by which programs act as users. The text of a key is sealed under the server's key,
-- because its user can have it shown again; hash is a keyed hash of it. A key is good until expires_at
-- (0 is for ever), and narrowed to the permissions of mask (0 is not) and to an environment with
-- everything below it (empty is not).
CREATE TABLE api_keys (
    organization_id  bigint NOT NULL,
    user_id          bigint NOT NULL,
    id               text COLLATE {{.Bytewise}} NOT NULL,
    name             text NOT NULL,
    hash             text NOT NULL,
    sealed           text NOT NULL,
    created_at       bigint NOT NULL,
    last_at          bigint NOT NULL,
    expires_at       bigint NOT NULL DEFAULT 0,
    mask             bigint NOT NULL DEFAULT 0,
    environment_path text COLLATE {{.Bytewise}} NOT NULL DEFAULT '',
    CONSTRAINT api_keys_pkey PRIMARY KEY (organization_id, user_id, id),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX api_keys_environment_path_idx ON api_keys (environment_path) WHERE environment_path <> '';

-- Whose a key is, by its keyed hash, over the whole directory.
CREATE TABLE api_key_names (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    key_id          text NOT NULL,
    CONSTRAINT api_key_names_pkey PRIMARY KEY (name)
) {{.StoredByKey}};
