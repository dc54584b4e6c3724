-- +goose Up

-- Times are milliseconds since 1970 in UTC; 0 is never. The _key columns hold folded
-- text, for comparing.
CREATE TABLE users (
    organization_id   bigint NOT NULL,
    id                bigint NOT NULL,
    uuid              text COLLATE {{.Bytewise}} NOT NULL,
    environment_id    bigint NOT NULL,
    environment_path  text COLLATE {{.Bytewise}} NOT NULL,
    alias             text NOT NULL,
    alias_key         text COLLATE {{.Bytewise}} NOT NULL,
    role              bigint NOT NULL,
    state             bigint NOT NULL,
    active            boolean NOT NULL,
    person_id         bigint NOT NULL,
    first_name        text NOT NULL,
    first_name_key    text COLLATE {{.Bytewise}} NOT NULL,
    last_name         text NOT NULL,
    last_name_key     text COLLATE {{.Bytewise}} NOT NULL,
    mail              text NOT NULL,
    mail_key          text COLLATE {{.Bytewise}} NOT NULL,
    phone             text NOT NULL,
    phone_key         text COLLATE {{.Bytewise}} NOT NULL DEFAULT '',
    job_title         text NOT NULL,
    department        text NOT NULL,
    language          text NOT NULL,
    time_zone         text NOT NULL,
    default_page      bigint NOT NULL,
    first_access      boolean NOT NULL,
    password_delay    bigint NOT NULL,
    revoke_delay      bigint NOT NULL,
    password_hash     text NOT NULL,
    created_at        bigint NOT NULL,
    last_password_at  bigint NOT NULL,
    last_connected_at bigint NOT NULL,
    last_seen_at      bigint NOT NULL,
    idle_since        bigint NOT NULL,
    archived          boolean NOT NULL,
    system            boolean NOT NULL,
    lists_users       boolean NOT NULL,
    claims            text NOT NULL,
    epoch             bigint NOT NULL,
    token_epoch       bigint NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT users_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT users_environment_id_fkey FOREIGN KEY (organization_id, environment_id)
        REFERENCES environments (organization_id, id)
);
CREATE INDEX users_environment_path_idx ON users (environment_path, id);
CREATE INDEX users_organization_id_idx ON users (organization_id, environment_path, id);
CREATE INDEX users_id_idx ON users (id);
CREATE INDEX users_alias_key_idx ON users (alias_key, id);
CREATE INDEX users_super_idx ON users (organization_id, id) WHERE role = 4;
CREATE INDEX users_oadmin_idx ON users (organization_id, id) WHERE role = 3;
CREATE INDEX users_unverified_idx ON users (created_at) WHERE state = 2;
-- Products name users by their UUID alone.
CREATE INDEX users_uuid_idx ON users (uuid);
-- Products list people by when the account was made.
CREATE INDEX users_created_at_idx ON users (created_at, id);
CREATE INDEX users_organization_created_idx ON users (organization_id, created_at, id);
-- Products leave archived users out of their lists.
CREATE INDEX users_archived_idx ON users (organization_id, id) WHERE archived;

-- The names that are unique over the whole directory, and whose they are.
CREATE TABLE login_names (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT login_names_pkey PRIMARY KEY (name)
) {{.StoredByKey}};

CREATE TABLE mail_addresses (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT mail_addresses_pkey PRIMARY KEY (name)
) {{.StoredByKey}};

-- The environments a user is allowed or blocked from. They may lie in another
-- organization, so there is no foreign key to them.
CREATE TABLE user_environments (
    organization_id             bigint NOT NULL,
    user_id                     bigint NOT NULL,
    blocked                     boolean NOT NULL,
    environment_id              bigint NOT NULL,
    environment_organization_id bigint NOT NULL,
    environment_path            text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT user_environments_pkey PRIMARY KEY (organization_id, user_id, blocked, environment_id),
    CONSTRAINT user_environments_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX user_environments_environment_path_idx ON user_environments (environment_path);

-- What products keep of a user beyond the columns of users. value_key is the folded value, for
-- comparing.
CREATE TABLE user_attributes (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    name            text COLLATE {{.Bytewise}} NOT NULL,
    value           text COLLATE {{.Bytewise}} NOT NULL,
    value_key       text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT user_attributes_pkey PRIMARY KEY (organization_id, user_id, name),
    CONSTRAINT user_attributes_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};

-- The picture of a user, a JPEG. tag is another one for every other picture.
CREATE TABLE user_pictures (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    tag             text COLLATE {{.Bytewise}} NOT NULL,
    jpeg            bytea NOT NULL,
    CONSTRAINT user_pictures_pkey PRIMARY KEY (organization_id, user_id),
    CONSTRAINT user_pictures_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
