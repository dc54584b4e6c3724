-- +goose Up

-- Settings of the directory as a whole.
CREATE TABLE settings (
    name  text COLLATE "C" NOT NULL,
    value text NOT NULL,
    CONSTRAINT settings_pkey PRIMARY KEY (name)
);

-- The next number that nobody has leased yet, by kind of number.
CREATE TABLE id_blocks (
    name text COLLATE "C" NOT NULL,
    next bigint NOT NULL,
    CONSTRAINT id_blocks_pkey PRIMARY KEY (name)
);
INSERT INTO id_blocks (name, next) VALUES ('environment', 1), ('group', 1), ('user', 1), ('person', 1);

CREATE TABLE organizations (
    organization_id bigint NOT NULL,
    generation      bigint NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (organization_id)
);

CREATE TABLE environments (
    organization_id bigint NOT NULL,
    id              bigint NOT NULL,
    uuid            text COLLATE "C" NOT NULL,
    parent_id       bigint NOT NULL,
    path            text COLLATE "C" NOT NULL,
    is_organization boolean NOT NULL,
    alias           text NOT NULL,
    alias_key       text COLLATE "C" NOT NULL,
    alias_path      text NOT NULL,
    alias_path_key  text COLLATE "C" NOT NULL,
    code            text NOT NULL,
    send_url        boolean NOT NULL,
    active          boolean NOT NULL,
    time_zone       text NOT NULL,
    git_repository  text NOT NULL,
    CONSTRAINT environments_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT environments_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT environments_path_key UNIQUE (organization_id, path),
    CONSTRAINT environments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (organization_id)
);
CREATE INDEX environments_path_idx ON environments (path);
CREATE INDEX environments_id_idx ON environments (id);
CREATE INDEX environments_parent_id_idx ON environments (parent_id, path);
CREATE INDEX environments_alias_key_idx ON environments (alias_key, path);
CREATE INDEX environments_inactive_idx ON environments (path) WHERE NOT active;
CREATE INDEX environments_border_idx ON environments (path) WHERE is_organization;

-- The aliases taken below an environment. They belong to the organization of the parent,
-- because siblings may be organizations of their own.
CREATE TABLE environment_names (
    organization_id             bigint NOT NULL,
    parent_id                   bigint NOT NULL,
    alias_key                   text COLLATE "C" NOT NULL,
    environment_organization_id bigint NOT NULL,
    environment_id              bigint NOT NULL,
    CONSTRAINT environment_names_pkey PRIMARY KEY (organization_id, parent_id, alias_key),
    CONSTRAINT environment_names_parent_id_fkey FOREIGN KEY (organization_id, parent_id) REFERENCES environments (organization_id, id)
);
CREATE INDEX environment_names_environment_id_idx ON environment_names (environment_id);

-- How many users have an environment as their home.
CREATE TABLE environment_counts (
    organization_id  bigint NOT NULL,
    environment_id   bigint NOT NULL,
    environment_path text COLLATE "C" NOT NULL,
    users            bigint NOT NULL,
    CONSTRAINT environment_counts_pkey PRIMARY KEY (organization_id, environment_id),
    CONSTRAINT environment_counts_environment_id_fkey FOREIGN KEY (organization_id, environment_id)
        REFERENCES environments (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX environment_counts_environment_path_idx ON environment_counts (environment_path, users);

-- environment_path is the place of the group's organization. A parent may be a group of
-- the root, which is reference data, so there is no foreign key to it.
CREATE TABLE groups (
    organization_id  bigint NOT NULL,
    id               bigint NOT NULL,
    uuid             text COLLATE "C" NOT NULL,
    environment_path text COLLATE "C" NOT NULL,
    parent_id        bigint NOT NULL,
    alias            text NOT NULL,
    alias_key        text COLLATE "C" NOT NULL,
    mask             bigint NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT groups_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT groups_alias_key UNIQUE (organization_id, alias_key),
    CONSTRAINT groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (organization_id)
);
CREATE INDEX groups_environment_path_idx ON groups (environment_path, id);
CREATE INDEX groups_id_idx ON groups (id);
CREATE INDEX groups_parent_id_idx ON groups (parent_id);

-- Times are milliseconds since 1970 in UTC; 0 is never. The _key columns hold folded
-- text, for comparing.
CREATE TABLE users (
    organization_id   bigint NOT NULL,
    id                bigint NOT NULL,
    uuid              text COLLATE "C" NOT NULL,
    environment_id    bigint NOT NULL,
    environment_path  text COLLATE "C" NOT NULL,
    alias             text NOT NULL,
    alias_key         text COLLATE "C" NOT NULL,
    role              bigint NOT NULL,
    state             bigint NOT NULL,
    active            boolean NOT NULL,
    person_id         bigint NOT NULL,
    first_name        text NOT NULL,
    first_name_key    text COLLATE "C" NOT NULL,
    last_name         text NOT NULL,
    last_name_key     text COLLATE "C" NOT NULL,
    mail              text NOT NULL,
    mail_key          text COLLATE "C" NOT NULL,
    phone             text NOT NULL,
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
    epoch             bigint NOT NULL,
    token_epoch       bigint NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT users_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT users_environment_id_fkey FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id)
);
CREATE INDEX users_environment_path_idx ON users (environment_path, id);
CREATE INDEX users_organization_id_idx ON users (organization_id, environment_path, id);
CREATE INDEX users_id_idx ON users (id);
CREATE INDEX users_alias_key_idx ON users (alias_key, id);
CREATE INDEX users_super_idx ON users (organization_id, id) WHERE role = 4;

-- The names that are unique over the whole directory, and whose they are.
CREATE TABLE login_names (
    name            text COLLATE "C" NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT login_names_pkey PRIMARY KEY (name)
);
CREATE TABLE mail_addresses (
    name            text COLLATE "C" NOT NULL,
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT mail_addresses_pkey PRIMARY KEY (name)
);

-- The groups of a user; the one with rank 0 comes first. A group may be one of the
-- root's, so there is no foreign key to it.
CREATE TABLE user_groups (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    group_id        bigint NOT NULL,
    rank            bigint NOT NULL,
    CONSTRAINT user_groups_pkey PRIMARY KEY (organization_id, user_id, group_id),
    CONSTRAINT user_groups_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX user_groups_group_id_idx ON user_groups (group_id);

-- The environments a user is allowed or blocked from. They may lie in another
-- organization, so there is no foreign key to them.
CREATE TABLE user_environments (
    organization_id             bigint NOT NULL,
    user_id                     bigint NOT NULL,
    blocked                     boolean NOT NULL,
    environment_id              bigint NOT NULL,
    environment_organization_id bigint NOT NULL,
    environment_path            text COLLATE "C" NOT NULL,
    CONSTRAINT user_environments_pkey PRIMARY KEY (organization_id, user_id, blocked, environment_id),
    CONSTRAINT user_environments_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX user_environments_environment_path_idx ON user_environments (environment_path);

CREATE TABLE audit (
    organization_id       bigint NOT NULL,
    id                    text COLLATE "C" NOT NULL,
    at                    bigint NOT NULL,
    actor_organization_id bigint NOT NULL,
    actor_id              bigint NOT NULL,
    actor_alias           text NOT NULL,
    actor_key             text COLLATE "C" NOT NULL,
    action                text COLLATE "C" NOT NULL,
    target_kind           text COLLATE "C" NOT NULL,
    target_id             bigint NOT NULL,
    target_name           text NOT NULL,
    target_key            text COLLATE "C" NOT NULL,
    environment_id        bigint NOT NULL,
    environment_path      text COLLATE "C" NOT NULL,
    changes               text NOT NULL,
    request_id            text NOT NULL,
    surface               text NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX audit_at_idx ON audit (at, id);
CREATE INDEX audit_organization_id_idx ON audit (organization_id, at, id);
CREATE INDEX audit_environment_path_idx ON audit (environment_path);

-- Failed sign-ins since a point in time, by what they are counted for.
CREATE TABLE sign_in_failures (
    subject  text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    since    bigint NOT NULL,
    last_at  bigint NOT NULL,
    CONSTRAINT sign_in_failures_pkey PRIMARY KEY (subject)
);
CREATE INDEX sign_in_failures_last_at_idx ON sign_in_failures (last_at);

-- Where users signed in from before, as keyed hashes of addresses.
CREATE TABLE known_addresses (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    address         text COLLATE "C" NOT NULL,
    last_at         bigint NOT NULL,
    CONSTRAINT known_addresses_pkey PRIMARY KEY (organization_id, user_id, address),
    CONSTRAINT known_addresses_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE known_addresses, sign_in_failures, audit, user_environments, user_groups, mail_addresses, login_names, users,
    groups, environment_counts, environment_names, environments, organizations, id_blocks, settings;
