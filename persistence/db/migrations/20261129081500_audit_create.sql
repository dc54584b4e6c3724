-- +goose Up

-- request_id is the number that the server gave a request, client_request_id what the client called it.
-- An entry that counts what is alike, as sign-ins are, says how often it happened (times) and when for
-- the last time (last_at); last_at is 0 for one that stands for one change.
CREATE TABLE audit (
    organization_id       bigint NOT NULL,
    id                    text COLLATE {{.Bytewise}} NOT NULL,
    at                    bigint NOT NULL,
    actor_organization_id bigint NOT NULL,
    actor_id              bigint NOT NULL,
    actor_alias           text NOT NULL,
    actor_key             text COLLATE {{.Bytewise}} NOT NULL,
    action                text COLLATE {{.Bytewise}} NOT NULL,
    target_kind           text COLLATE {{.Bytewise}} NOT NULL,
    target_id             bigint NOT NULL,
    target_name           text NOT NULL,
    target_key            text COLLATE {{.Bytewise}} NOT NULL,
    environment_id        bigint NOT NULL,
    environment_path      text COLLATE {{.Bytewise}} NOT NULL,
    changes               text NOT NULL,
    request_id            text NOT NULL,
    client_request_id     text NOT NULL DEFAULT '',
    surface               text NOT NULL,
    times                 bigint NOT NULL DEFAULT 1,
    last_at               bigint NOT NULL DEFAULT 0,
    CONSTRAINT audit_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX audit_at_idx ON audit (at, id);
CREATE INDEX audit_organization_id_idx ON audit (organization_id, at, id);
CREATE INDEX audit_environment_path_idx ON audit (environment_path);
