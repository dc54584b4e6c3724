-- +goose Up

CREATE TABLE environments (
    organization_id bigint NOT NULL,
    id              bigint NOT NULL,
    uuid            text COLLATE {{.Bytewise}} NOT NULL,
    parent_id       bigint NOT NULL,
    path            text COLLATE {{.Bytewise}} NOT NULL,
    is_organization boolean NOT NULL,
    alias           text NOT NULL,
    alias_key       text COLLATE {{.Bytewise}} NOT NULL,
    alias_path      text NOT NULL,
    alias_path_key  text COLLATE {{.Bytewise}} NOT NULL,
    code            text NOT NULL,
    send_url        boolean NOT NULL,
    active          boolean NOT NULL,
    time_zone       text NOT NULL,
    git_repository  text NOT NULL,
    CONSTRAINT environments_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT environments_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT environments_path_key UNIQUE (organization_id, path),
    CONSTRAINT environments_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id)
);
CREATE INDEX environments_path_idx ON environments (path);
CREATE INDEX environments_id_idx ON environments (id);
CREATE INDEX environments_parent_id_idx ON environments (parent_id, path);
CREATE INDEX environments_alias_key_idx ON environments (alias_key, path);
CREATE INDEX environments_inactive_idx ON environments (path) WHERE NOT active;
CREATE INDEX environments_border_idx ON environments (path) WHERE is_organization;
-- Products name environments by their UUID alone.
CREATE INDEX environments_uuid_idx ON environments (uuid);

-- The aliases taken below an environment. They belong to the organization of the parent,
-- because siblings may be organizations of their own.
CREATE TABLE environment_names (
    organization_id             bigint NOT NULL,
    parent_id                   bigint NOT NULL,
    alias_key                   text COLLATE {{.Bytewise}} NOT NULL,
    environment_organization_id bigint NOT NULL,
    environment_id              bigint NOT NULL,
    CONSTRAINT environment_names_pkey PRIMARY KEY (organization_id, parent_id, alias_key),
    CONSTRAINT environment_names_parent_id_fkey FOREIGN KEY (organization_id, parent_id)
        REFERENCES environments (organization_id, id)
) {{.StoredByKey}};
CREATE INDEX environment_names_environment_id_idx ON environment_names (environment_id);

-- How many users have an environment as their home.
CREATE TABLE environment_counts (
    organization_id  bigint NOT NULL,
    environment_id   bigint NOT NULL,
    environment_path text COLLATE {{.Bytewise}} NOT NULL,
    users            bigint NOT NULL,
    CONSTRAINT environment_counts_pkey PRIMARY KEY (organization_id, environment_id),
    CONSTRAINT environment_counts_environment_id_fkey FOREIGN KEY (organization_id, environment_id)
        REFERENCES environments (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX environment_counts_environment_path_idx ON environment_counts (environment_path, users);
