-- +goose Up

-- By it people are found by how strongly they can prove who they are: rare are those who have a factor at first, and
-- those who have none in the end.
CREATE INDEX users_factors_idx ON users (factors, environment_path, organization_id, id);
-- By it the accounts of programs are found.
CREATE INDEX users_system_idx ON users (environment_path, organization_id, id) WHERE system;
