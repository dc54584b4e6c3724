-- +goose Up

-- The folded phone, for comparing.
ALTER TABLE users ADD COLUMN phone_key text COLLATE "C" NOT NULL DEFAULT '';
UPDATE users SET phone_key = upper(phone COLLATE "C") WHERE phone <> '';

-- What products keep of an organization beyond the columns of its environment.
CREATE TABLE organization_attributes (
    organization_id bigint NOT NULL,
    name            text COLLATE "C" NOT NULL,
    value           text COLLATE "C" NOT NULL,
    value_key       text COLLATE "C" NOT NULL,
    CONSTRAINT organization_attributes_pkey PRIMARY KEY (organization_id, name),
    CONSTRAINT organization_attributes_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
);

-- The picture of a user, a JPEG. tag is another one for every other picture.
CREATE TABLE user_pictures (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    tag             text COLLATE "C" NOT NULL,
    jpeg            bytea NOT NULL,
    CONSTRAINT user_pictures_pkey PRIMARY KEY (organization_id, user_id),
    CONSTRAINT user_pictures_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE user_pictures;
DROP TABLE organization_attributes;
ALTER TABLE users DROP COLUMN phone_key;
