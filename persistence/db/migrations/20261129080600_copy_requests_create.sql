-- +goose Up

-- Copies that are offered; an offer is gone when it was answered.
CREATE TABLE copy_requests (
    organization_id      bigint NOT NULL,
    id                   bigint NOT NULL,
    object_id            bigint NOT NULL,
    from_organization_id bigint NOT NULL,
    from_id              bigint NOT NULL,
    to_organization_id   bigint NOT NULL,
    to_id                bigint NOT NULL,
    created_at           bigint NOT NULL,
    expires_at           bigint NOT NULL,
    CONSTRAINT copy_requests_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT copy_requests_object_id_key UNIQUE (organization_id, object_id, to_id),
    CONSTRAINT copy_requests_object_id_fkey FOREIGN KEY (organization_id, object_id)
        REFERENCES objects (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX copy_requests_id_idx ON copy_requests (id);
CREATE INDEX copy_requests_from_id_idx ON copy_requests (from_id, id);
CREATE INDEX copy_requests_to_id_idx ON copy_requests (to_id, id);
CREATE INDEX copy_requests_expires_at_idx ON copy_requests (expires_at);
