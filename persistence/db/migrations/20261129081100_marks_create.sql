-- +goose Up

-- Names that people keep for themselves: list 0 is of favourite topics, 1 of topics whose
-- news is not wanted, 2 of favourite tags. rank is the order in which they were added.
CREATE TABLE user_marks (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    list            bigint NOT NULL,
    name_key        text COLLATE {{.Bytewise}} NOT NULL,
    name            text COLLATE {{.Bytewise}} NOT NULL,
    rank            bigint NOT NULL,
    CONSTRAINT user_marks_pkey PRIMARY KEY (organization_id, user_id, list, name_key),
    CONSTRAINT user_marks_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX user_marks_name_key_idx ON user_marks (organization_id, name_key);
