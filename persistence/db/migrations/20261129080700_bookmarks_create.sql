-- +goose Up

-- The object may lie in another organization, so there is no foreign key to it.
CREATE TABLE bookmarks (
    organization_id        bigint NOT NULL,
    user_id                bigint NOT NULL,
    object_id              bigint NOT NULL,
    object_organization_id bigint NOT NULL,
    created_at             bigint NOT NULL,
    CONSTRAINT bookmarks_pkey PRIMARY KEY (organization_id, user_id, object_id),
    CONSTRAINT bookmarks_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX bookmarks_object_id_idx ON bookmarks (object_id);
