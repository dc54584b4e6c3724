-- +goose Up

-- Names that people keep for themselves: list 0 is of favourite topics, 1 of topics whose
-- news is not wanted, 2 of favourite tags. rank is the order in which they were added.
CREATE TABLE user_marks (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    list            bigint NOT NULL,
    name_key        text COLLATE "C" NOT NULL,
    name            text COLLATE "C" NOT NULL,
    rank            bigint NOT NULL,
    CONSTRAINT user_marks_pkey PRIMARY KEY (organization_id, user_id, list, name_key),
    CONSTRAINT user_marks_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX user_marks_name_key_idx ON user_marks (organization_id, name_key);

-- Contacts of users. They may belong to another organization, so there is no foreign key to them.
CREATE TABLE user_contacts (
    organization_id         bigint NOT NULL,
    user_id                 bigint NOT NULL,
    contact_organization_id bigint NOT NULL,
    contact_id              bigint NOT NULL,
    rank                    bigint NOT NULL,
    CONSTRAINT user_contacts_pkey PRIMARY KEY (organization_id, user_id, contact_id),
    CONSTRAINT user_contacts_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX user_contacts_contact_id_idx ON user_contacts (contact_id);

-- Who was when in which topic of their organization.
CREATE TABLE presences (
    organization_id bigint NOT NULL,
    topic_id        bigint NOT NULL,
    user_id         bigint NOT NULL,
    status          text COLLATE "C" NOT NULL,
    at              bigint NOT NULL,
    CONSTRAINT presences_pkey PRIMARY KEY (organization_id, topic_id, user_id),
    CONSTRAINT presences_topic_id_fkey FOREIGN KEY (organization_id, topic_id) REFERENCES objects (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT presences_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX presences_user_id_idx ON presences (organization_id, user_id, at);

-- Lists of people are sorted by when the account was made, without those put away.
CREATE INDEX users_created_at_idx ON users (created_at, id);
CREATE INDEX users_organization_created_idx ON users (organization_id, created_at, id);
CREATE INDEX user_attributes_archived_idx ON user_attributes (organization_id, user_id) WHERE name = 'archived';

-- +goose Down
DROP INDEX user_attributes_archived_idx;
DROP INDEX users_organization_created_idx;
DROP INDEX users_created_at_idx;
DROP TABLE presences;
DROP TABLE user_contacts;
DROP TABLE user_marks;
