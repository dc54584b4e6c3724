-- +goose Up
-- People are listed by name and by when they last signed in; places and groups are searched by how their names begin.
CREATE INDEX users_last_name_idx ON users (last_name_key, first_name_key, id);
CREATE INDEX users_last_connected_idx ON users (last_connected_at, id);
CREATE INDEX environments_organization_alias_idx ON environments (organization_id, alias_key, path);
CREATE INDEX groups_alias_key_idx ON groups (alias_key, environment_path, id);
