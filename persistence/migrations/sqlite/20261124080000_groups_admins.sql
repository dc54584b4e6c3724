-- +goose Up

-- What a group is for, and since when there is one; 0 is not known.
ALTER TABLE groups ADD COLUMN description text NOT NULL DEFAULT '';
ALTER TABLE groups ADD COLUMN created_at bigint NOT NULL DEFAULT 0;

-- Who puts people into a group and takes them out, of the group's own organization.
CREATE TABLE group_admins (
    organization_id bigint NOT NULL,
    group_id        bigint NOT NULL,
    user_id         bigint NOT NULL,
    CONSTRAINT group_admins_pkey PRIMARY KEY (organization_id, group_id, user_id),
    CONSTRAINT group_admins_group_id_fkey FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT group_admins_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX group_admins_user_id_idx ON group_admins (organization_id, user_id);

-- Topics are listed by their full names, in the order of the letters' codes.
CREATE INDEX objects_full_name_idx ON objects (organization_id, full_name, id);

-- +goose Down
DROP INDEX objects_full_name_idx;
DROP TABLE group_admins;
ALTER TABLE groups DROP COLUMN created_at;
ALTER TABLE groups DROP COLUMN description;
