-- +goose Up

-- An owner may belong to another organization than the object, so there is no foreign key
-- to them; 0 is nobody. parent_id is an object of the same organization; 0 is none.
CREATE TABLE objects (
    organization_id       bigint NOT NULL,
    id                    bigint NOT NULL,
    uuid                  text COLLATE {{.Bytewise}} NOT NULL,
    kind                  text COLLATE {{.Bytewise}} NOT NULL,
    environment_id        bigint NOT NULL,
    environment_path      text COLLATE {{.Bytewise}} NOT NULL,
    owner_organization_id bigint NOT NULL,
    owner_id              bigint NOT NULL,
    parent_id             bigint NOT NULL,
    name                  text NOT NULL,
    full_name             text COLLATE {{.Bytewise}} NOT NULL,
    full_name_key         text COLLATE {{.Bytewise}} NOT NULL,
    attributes            text NOT NULL,
    visibility            bigint NOT NULL,
    created_at            bigint NOT NULL,
    changed_at            bigint NOT NULL,
    CONSTRAINT objects_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT objects_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT objects_environment_id_fkey FOREIGN KEY (organization_id, environment_id)
        REFERENCES environments (organization_id, id)
);
CREATE INDEX objects_environment_path_idx ON objects (environment_path, id);
CREATE INDEX objects_environment_id_idx ON objects (organization_id, environment_id);
CREATE INDEX objects_id_idx ON objects (id);
CREATE INDEX objects_uuid_idx ON objects (uuid);
CREATE INDEX objects_owner_id_idx ON objects (owner_id, id);
CREATE INDEX objects_parent_id_idx ON objects (parent_id);
CREATE INDEX objects_full_name_key_idx ON objects (organization_id, full_name_key, id);
-- Topics are listed by their full names, in the order of the letters' codes.
CREATE INDEX objects_full_name_idx ON objects (organization_id, full_name, id);

-- The full names taken in an organization, of kinds whose names are unique there.
CREATE TABLE object_names (
    organization_id bigint NOT NULL,
    kind            text COLLATE {{.Bytewise}} NOT NULL,
    name            text COLLATE {{.Bytewise}} NOT NULL,
    object_id       bigint NOT NULL,
    CONSTRAINT object_names_pkey PRIMARY KEY (organization_id, kind, name),
    CONSTRAINT object_names_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX object_names_object_id_idx ON object_names (organization_id, object_id);

-- Who may do what with an object: subject_kind 1 is a user, 2 the members of a group, whose
-- organization is 0 here. Both may belong to another organization than the object.
CREATE TABLE object_access (
    organization_id         bigint NOT NULL,
    object_id               bigint NOT NULL,
    subject_kind            bigint NOT NULL,
    subject_id              bigint NOT NULL,
    subject_organization_id bigint NOT NULL,
    level                   bigint NOT NULL,
    CONSTRAINT object_access_pkey PRIMARY KEY (organization_id, object_id, subject_kind, subject_id),
    CONSTRAINT object_access_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX object_access_subject_id_idx ON object_access (subject_kind, subject_id);

CREATE TABLE object_uses (
    organization_id bigint NOT NULL,
    object_id       bigint NOT NULL,
    used_id         bigint NOT NULL,
    CONSTRAINT object_uses_pkey PRIMARY KEY (organization_id, object_id, used_id),
    CONSTRAINT object_uses_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT object_uses_used_id_fkey FOREIGN KEY (organization_id, used_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX object_uses_used_id_idx ON object_uses (used_id);

-- Whose an object was, one row after the other; ended_at 0 is until now.
CREATE TABLE object_owners (
    organization_id       bigint NOT NULL,
    object_id             bigint NOT NULL,
    rank                  bigint NOT NULL,
    owner_organization_id bigint NOT NULL,
    owner_id              bigint NOT NULL,
    began_at              bigint NOT NULL,
    ended_at              bigint NOT NULL,
    CONSTRAINT object_owners_pkey PRIMARY KEY (organization_id, object_id, rank),
    CONSTRAINT object_owners_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX object_owners_owner_id_idx ON object_owners (owner_id);

-- How often an object was used in a month (202611) while somebody owned it.
CREATE TABLE object_usage (
    organization_id       bigint NOT NULL,
    object_id             bigint NOT NULL,
    month                 bigint NOT NULL,
    owner_organization_id bigint NOT NULL,
    owner_id              bigint NOT NULL,
    uses                  bigint NOT NULL,
    CONSTRAINT object_usage_pkey PRIMARY KEY (organization_id, object_id, month, owner_organization_id, owner_id),
    CONSTRAINT object_usage_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX object_usage_owner_id_idx ON object_usage (owner_id, month);
