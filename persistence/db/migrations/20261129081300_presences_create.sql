-- +goose Up

-- Who was when in which topic of their organization.
CREATE TABLE presences (
    organization_id bigint NOT NULL,
    topic_id        bigint NOT NULL,
    user_id         bigint NOT NULL,
    status          text COLLATE {{.Bytewise}} NOT NULL,
    at              bigint NOT NULL,
    CONSTRAINT presences_pkey PRIMARY KEY (organization_id, topic_id, user_id),
    CONSTRAINT presences_topic_id_fkey FOREIGN KEY (organization_id, topic_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT presences_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX presences_user_id_idx ON presences (organization_id, user_id, at);
