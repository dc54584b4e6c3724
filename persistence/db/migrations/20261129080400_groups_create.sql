-- +goose Up

-- environment_path is the place of the group's organization. A parent may be a group of the root,
-- which is reference data, so there is no foreign key to it. role is the least role that members act
-- with, 0 for none, and role_title what a product calls it. created_at is 0 if it is not known.
CREATE TABLE groups (
    organization_id  bigint NOT NULL,
    id               bigint NOT NULL,
    uuid             text COLLATE {{.Bytewise}} NOT NULL,
    environment_path text COLLATE {{.Bytewise}} NOT NULL,
    parent_id        bigint NOT NULL,
    alias            text NOT NULL,
    alias_key        text COLLATE {{.Bytewise}} NOT NULL,
    mask             bigint NOT NULL,
    role             bigint NOT NULL DEFAULT 0,
    role_title       text NOT NULL DEFAULT '',
    description      text NOT NULL DEFAULT '',
    created_at       bigint NOT NULL DEFAULT 0,
    CONSTRAINT groups_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT groups_uuid_key UNIQUE (organization_id, uuid),
    CONSTRAINT groups_alias_key UNIQUE (organization_id, alias_key),
    CONSTRAINT groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (organization_id)
);
CREATE INDEX groups_environment_path_idx ON groups (environment_path, id);
CREATE INDEX groups_id_idx ON groups (id);
CREATE INDEX groups_parent_id_idx ON groups (parent_id);
-- Products name groups by their UUID alone.
CREATE INDEX groups_uuid_idx ON groups (uuid);

-- The groups of a user; the one with rank 0 comes first. A group may be one of the
-- root's, so there is no foreign key to it.
CREATE TABLE user_groups (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    group_id        bigint NOT NULL,
    rank            bigint NOT NULL,
    CONSTRAINT user_groups_pkey PRIMARY KEY (organization_id, user_id, group_id),
    CONSTRAINT user_groups_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX user_groups_group_id_idx ON user_groups (group_id);

-- Who puts people into a group and takes them out, of the group's own organization.
CREATE TABLE group_admins (
    organization_id bigint NOT NULL,
    group_id        bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT group_admins_pkey PRIMARY KEY (organization_id, group_id, user_id),
    CONSTRAINT group_admins_group_id_fkey FOREIGN KEY (organization_id, group_id)
        REFERENCES groups (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT group_admins_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX group_admins_user_id_idx ON group_admins (organization_id, user_id);
