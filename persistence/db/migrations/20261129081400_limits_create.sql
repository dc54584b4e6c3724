-- +goose Up

-- What is counted against a limit, since a point in time.
CREATE TABLE limits (
    subject text COLLATE {{.Bytewise}} NOT NULL,
    uses    bigint NOT NULL,
    since   bigint NOT NULL,
    last_at bigint NOT NULL,
    CONSTRAINT limits_pkey PRIMARY KEY (subject)
) {{.StoredByKey}};
CREATE INDEX limits_last_at_idx ON limits (last_at);

-- Failed sign-ins since a point in time, by what they are counted for.
CREATE TABLE sign_in_failures (
    subject  text COLLATE {{.Bytewise}} NOT NULL,
    failures bigint NOT NULL,
    since    bigint NOT NULL,
    last_at  bigint NOT NULL,
    CONSTRAINT sign_in_failures_pkey PRIMARY KEY (subject)
) {{.StoredByKey}};
CREATE INDEX sign_in_failures_last_at_idx ON sign_in_failures (last_at);
