-- +goose Up

-- Contacts of users. They may belong to another organization, so there is no foreign key to them.
CREATE TABLE user_contacts (
    organization_id         bigint NOT NULL,
    user_id                 bigint NOT NULL,
    contact_organization_id bigint NOT NULL,
    contact_id              bigint NOT NULL,
    rank                    bigint NOT NULL,
    CONSTRAINT user_contacts_pkey PRIMARY KEY (organization_id, user_id, contact_id),
    CONSTRAINT user_contacts_user_id_fkey FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX user_contacts_contact_id_idx ON user_contacts (contact_id);
