-- +goose Up

-- What the steps that were run are called, and which program they need at least, empty for any: a
-- program that does not have a step learns it here. A step says it itself in a line such as
-- "-- canopy: needs 0.2".
CREATE TABLE schema_steps (
    version bigint NOT NULL,
    name    text NOT NULL,
    needs   text NOT NULL,
    CONSTRAINT schema_steps_pkey PRIMARY KEY (version)
) {{.StoredByKey}};

-- Settings of the directory as a whole.
CREATE TABLE settings (
    name  text COLLATE {{.Bytewise}} NOT NULL,
    value text NOT NULL,
    CONSTRAINT settings_pkey PRIMARY KEY (name)
) {{.StoredByKey}};

-- The next number that nobody has leased yet, by kind of number.
CREATE TABLE id_blocks (
    name text COLLATE {{.Bytewise}} NOT NULL,
    next bigint NOT NULL,
    CONSTRAINT id_blocks_pkey PRIMARY KEY (name)
) {{.StoredByKey}};
INSERT INTO id_blocks (name, next)
VALUES ('environment', 1), ('group', 1), ('user', 1), ('person', 1), ('object', 1), ('copy_request', 1);
