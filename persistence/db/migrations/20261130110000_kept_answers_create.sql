-- +goose Up

-- Keys by which callers name a request that is to have its effect once, as keyed hashes, with what the request
-- changed first and, sealed, what it was answered; answer is empty until it was.
CREATE TABLE kept_answers (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    key             text COLLATE {{.Bytewise}} NOT NULL,
    request         text NOT NULL,
    attempt         text NOT NULL,
    created_at      bigint NOT NULL,
    expires_at      bigint NOT NULL,
    target_kind     text NOT NULL,
    target_id       bigint NOT NULL,
    answer          text NOT NULL,
    CONSTRAINT kept_answers_pkey PRIMARY KEY (organization_id, user_id, key)
) {{.StoredByKey}};
CREATE INDEX kept_answers_user_id_idx ON kept_answers (organization_id, user_id, expires_at);
CREATE INDEX kept_answers_expires_at_idx ON kept_answers (expires_at);
