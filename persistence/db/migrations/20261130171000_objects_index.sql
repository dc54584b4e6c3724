-- +goose Up

-- Lists of objects that span organizations are in the order of names, and begin with a name or are of a kind or shared
-- of which there are few.
CREATE INDEX objects_all_full_name_key_idx ON objects (full_name_key, id);
CREATE INDEX objects_all_full_name_idx ON objects (full_name, id);
CREATE INDEX objects_kind_idx ON objects (kind, environment_path, id);
CREATE INDEX objects_shared_idx ON objects (environment_path, id) WHERE visibility = 1;
