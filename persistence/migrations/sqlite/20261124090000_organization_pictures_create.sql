-- +goose Up

-- The picture of an organization, a JPEG. tag is another one for every other picture.
CREATE TABLE organization_pictures (
    organization_id bigint NOT NULL,
    tag             text NOT NULL,
    jpeg            bytea NOT NULL,
    CONSTRAINT organization_pictures_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organization_pictures_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE organization_pictures;
