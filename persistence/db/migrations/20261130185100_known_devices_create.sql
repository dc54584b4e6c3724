-- +goose Up

-- From where and with what users began sessions before: keyed hashes of their networks, and of what browser on what
-- system it was. told_at is when the user was told of it, 0 for never.
CREATE TABLE known_devices (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    network         text COLLATE {{.Bytewise}} NOT NULL,
    client          text COLLATE {{.Bytewise}} NOT NULL,
    last_at         bigint NOT NULL,
    told_at         bigint NOT NULL,
    CONSTRAINT known_devices_pkey PRIMARY KEY (organization_id, user_id, network, client),
    CONSTRAINT known_devices_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
