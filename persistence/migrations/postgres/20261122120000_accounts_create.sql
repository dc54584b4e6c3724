-- +goose Up

-- One-time secrets, hashed under the server's key together with what they are bound to.
CREATE TABLE secrets (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    purpose         text COLLATE "C" NOT NULL,
    hash            text COLLATE "C" NOT NULL,
    address         text COLLATE "C" NOT NULL,
    approves        boolean NOT NULL,
    created_at      bigint NOT NULL,
    expires_at      bigint NOT NULL,
    CONSTRAINT secrets_pkey PRIMARY KEY (organization_id, user_id, purpose, hash),
    CONSTRAINT secrets_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX secrets_expires_at_idx ON secrets (expires_at);
CREATE INDEX users_unverified_idx ON users (created_at) WHERE state = 2;
CREATE INDEX users_oadmin_idx ON users (organization_id, id) WHERE role = 3;

-- Codes that let newcomers into an organization. The code is kept hashed for finding, and
-- sealed under the server's key for showing.
CREATE TABLE registration_codes (
    organization_id bigint NOT NULL,
    hash            text COLLATE "C" NOT NULL,
    sealed          text COLLATE "C" NOT NULL,
    created_at      bigint NOT NULL,
    created_by      text COLLATE "C" NOT NULL,
    expires_at      bigint NOT NULL,
    max_users       bigint NOT NULL,
    used            bigint NOT NULL,
    enabled         boolean NOT NULL,
    CONSTRAINT registration_codes_pkey PRIMARY KEY (organization_id, hash),
    CONSTRAINT registration_codes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (organization_id) ON DELETE CASCADE
);

-- Whose each code is.
CREATE TABLE registration_code_names (
    name            text COLLATE "C" NOT NULL,
    organization_id bigint NOT NULL,
    CONSTRAINT registration_code_names_pkey PRIMARY KEY (name)
);

-- Mail to be sent. The letter is sealed under the server's key, and erased when it was
-- sent or given up. state is 0 waiting, 1 sent, 2 given up.
CREATE TABLE outbox (
    organization_id bigint NOT NULL,
    id              text COLLATE "C" NOT NULL,
    user_id         bigint NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    state           bigint NOT NULL,
    attempts        bigint NOT NULL,
    created_at      bigint NOT NULL,
    next_at         bigint NOT NULL,
    claimed_by      text COLLATE "C" NOT NULL,
    done_at         bigint NOT NULL,
    error           text COLLATE "C" NOT NULL,
    letter          text COLLATE "C" NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX outbox_next_at_idx ON outbox (next_at, id) WHERE state = 0;
CREATE INDEX outbox_done_at_idx ON outbox (done_at) WHERE state <> 0;

-- What is counted against a limit, since a point in time.
CREATE TABLE limits (
    subject text COLLATE "C" NOT NULL,
    uses    bigint NOT NULL,
    since   bigint NOT NULL,
    last_at bigint NOT NULL,
    CONSTRAINT limits_pkey PRIMARY KEY (subject)
);
CREATE INDEX limits_last_at_idx ON limits (last_at);

-- +goose Down
DROP TABLE limits;
DROP TABLE outbox;
DROP TABLE registration_code_names;
DROP TABLE registration_codes;
DROP INDEX users_oadmin_idx;
DROP INDEX users_unverified_idx;
DROP TABLE secrets;
