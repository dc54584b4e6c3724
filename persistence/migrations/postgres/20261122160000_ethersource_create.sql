-- +goose Up

-- Keys by which programs act as users. The text of a key is sealed under the server's key,
-- because its user can have it shown again; hash is a keyed hash of it.
CREATE TABLE api_keys (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    id              text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    hash            text NOT NULL,
    sealed          text NOT NULL,
    created_at      bigint NOT NULL,
    last_at         bigint NOT NULL,
    CONSTRAINT api_keys_pkey PRIMARY KEY (organization_id, user_id, id),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- Whose a key is, by its keyed hash, over the whole directory.
CREATE TABLE api_key_names (
    name            text COLLATE "C" NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    key_id          text NOT NULL,
    CONSTRAINT api_key_names_pkey PRIMARY KEY (name)
);

-- +goose Down
DROP TABLE api_key_names;
DROP TABLE api_keys;
