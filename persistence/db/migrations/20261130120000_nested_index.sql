-- +goose Up
-- Whether organizations hang in an organization is asked of that alone.
CREATE INDEX environment_names_nested_idx ON environment_names (organization_id)
    WHERE environment_organization_id <> organization_id;
