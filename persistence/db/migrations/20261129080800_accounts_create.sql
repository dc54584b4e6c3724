-- +goose Up

-- One-time secrets, hashed under the server's key together with what they are bound to.
CREATE TABLE secrets (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    purpose         text COLLATE {{.Bytewise}} NOT NULL,
    hash            text COLLATE {{.Bytewise}} NOT NULL,
    address         text COLLATE {{.Bytewise}} NOT NULL,
    approves        boolean NOT NULL,
    created_at      bigint NOT NULL,
    expires_at      bigint NOT NULL,
    CONSTRAINT secrets_pkey PRIMARY KEY (organization_id, user_id, purpose, hash),
    CONSTRAINT secrets_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX secrets_expires_at_idx ON secrets (expires_at);

-- Codes that let newcomers into an organization. The code is kept hashed for finding, and
-- sealed under the server's key for showing.
CREATE TABLE registration_codes (
    organization_id bigint NOT NULL,
    hash            text COLLATE {{.Bytewise}} NOT NULL,
    sealed          text COLLATE {{.Bytewise}} NOT NULL,
    created_at      bigint NOT NULL,
    created_by      text COLLATE {{.Bytewise}} NOT NULL,
    expires_at      bigint NOT NULL,
    max_users       bigint NOT NULL,
    used            bigint NOT NULL,
    enabled         boolean NOT NULL,
    CONSTRAINT registration_codes_pkey PRIMARY KEY (organization_id, hash),
    CONSTRAINT registration_codes_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};

-- Whose each code is.
CREATE TABLE registration_code_names (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    CONSTRAINT registration_code_names_pkey PRIMARY KEY (name)
) {{.StoredByKey}};
