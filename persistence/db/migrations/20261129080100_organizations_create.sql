-- +goose Up

CREATE TABLE organizations (
    organization_id bigint NOT NULL,
    generation      bigint NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (organization_id)
);

-- How many things an organization has, for its quotas. Environments are counted where they were made:
-- an organization in the one above it.
CREATE TABLE organization_counts (
    organization_id bigint NOT NULL,
    users           bigint NOT NULL,
    environments    bigint NOT NULL,
    groups          bigint NOT NULL,
    objects         bigint NOT NULL,
    CONSTRAINT organization_counts_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organization_counts_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};

-- What products keep of an organization beyond the columns of its environment.
CREATE TABLE organization_attributes (
    organization_id bigint NOT NULL,
    name            text COLLATE {{.Bytewise}} NOT NULL,
    value           text COLLATE {{.Bytewise}} NOT NULL,
    value_key       text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT organization_attributes_pkey PRIMARY KEY (organization_id, name),
    CONSTRAINT organization_attributes_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};

-- The picture of an organization, a JPEG. tag is another one for every other picture.
CREATE TABLE organization_pictures (
    organization_id bigint NOT NULL,
    tag             text COLLATE {{.Bytewise}} NOT NULL,
    jpeg            bytea NOT NULL,
    CONSTRAINT organization_pictures_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organization_pictures_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
);
