-- +goose Up

-- What the steps that were run are called, and which program they need at least, empty for any: a
-- program that does not have a step learns it here. A step says it itself in a line such as
-- "-- canopy: needs 0.2".
CREATE TABLE schema_steps (
    version bigint NOT NULL,
    name    text NOT NULL,
    needs   text NOT NULL,
    CONSTRAINT schema_steps_pkey PRIMARY KEY (version)
);
