-- +goose Up
-- Members of a group are looked for in some organizations: a group of the root's may have members in all of them.
CREATE INDEX user_groups_group_id_organization_id_idx ON user_groups (group_id, organization_id);
DROP INDEX user_groups_group_id_idx;
