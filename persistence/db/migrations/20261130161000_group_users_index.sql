-- +goose Up
-- The members of a group are read from an index that has all of their key: PostgreSQL would else read the groups of
-- everybody in the organization to find the few.
CREATE INDEX user_groups_group_id_organization_id_user_id_idx ON user_groups (group_id, organization_id, user_id);
DROP INDEX user_groups_group_id_organization_id_idx;
