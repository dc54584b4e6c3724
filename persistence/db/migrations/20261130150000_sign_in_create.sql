-- +goose Up

-- What environments ask of the sign-ins of people in and below them. Each says its own; what counts is the strictest on
-- the way from the root. people, admins and above are the least proof that is demanded of people at home there, of
-- those among them who administer, and of who administers from elsewhere: 0 a password, 1 a one-time code, 2 a passkey.
-- Lengths are in characters, ages in milliseconds, password_days in days; 0 asks for nothing. Until grace_until, in
-- milliseconds since 1970, people and admins are not demanded yet. Each machine has all rules, as those of other
-- organizations count too, and they change rarely; so there is no foreign key.
CREATE TABLE sign_in_rules (
    organization_id          bigint NOT NULL,
    environment_id           bigint NOT NULL,
    environment_path         text COLLATE {{.Bytewise}} NOT NULL,
    min_password             bigint NOT NULL,
    min_password_with_factor bigint NOT NULL,
    password_days            bigint NOT NULL,
    people                   bigint NOT NULL,
    admins                   bigint NOT NULL,
    above                    bigint NOT NULL,
    proof_age                bigint NOT NULL,
    grace_until              bigint NOT NULL,
    programs_exempt          boolean NOT NULL,
    CONSTRAINT sign_in_rules_pkey PRIMARY KEY (environment_id, organization_id)
) {{.StoredByKey}};
CREATE INDEX sign_in_rules_above_idx ON sign_in_rules (environment_path) WHERE above > 0;

-- What people prove themselves by beside a password: kind 1 is a one-time code (RFC 6238), 2 a passkey. sealed is the
-- secret of the first or the credential of the second, under the server's key; step is the last time step whose code
-- was taken, or the passkey's last signature count. A factor counts when it is confirmed.
CREATE TABLE factors (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    id              text COLLATE {{.Bytewise}} NOT NULL,
    kind            bigint NOT NULL,
    name            text NOT NULL,
    sealed          text NOT NULL,
    step            bigint NOT NULL,
    confirmed       boolean NOT NULL,
    created_at      bigint NOT NULL,
    last_at         bigint NOT NULL,
    CONSTRAINT factors_pkey PRIMARY KEY (organization_id, user_id, id),
    CONSTRAINT factors_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};

-- Codes that take the place of a one-time code, each once, as keyed hashes. used_at is 0 for one that is good.
CREATE TABLE recovery_codes (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    hash            text COLLATE {{.Bytewise}} NOT NULL,
    used_at         bigint NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (organization_id, user_id, hash),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};

-- The kinds of confirmed factors of a user, added up: 1 for one-time codes, 2 for passkeys.
ALTER TABLE users ADD COLUMN factors bigint NOT NULL DEFAULT 0;

-- By what a session was proved (0 a password, 1 a one-time code, 2 a passkey), by which factor, and when last; 0 is
-- when it was made.
ALTER TABLE sessions ADD COLUMN proof bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN factor_id text COLLATE {{.Bytewise}} NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN proved_at bigint NOT NULL DEFAULT 0;
