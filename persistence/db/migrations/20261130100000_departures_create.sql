-- +goose Up

-- Organizations that are being deleted: nobody of them signs in and nobody reaches them any more, and what they have
-- goes a part at a time. actor and request are who asked for it, how many people there were (users) and how many are gone.
CREATE TABLE departures (
    organization_id       bigint NOT NULL,
    began_at              bigint NOT NULL,
    actor_organization_id bigint NOT NULL,
    actor_id              bigint NOT NULL,
    actor_alias           text NOT NULL,
    request_id            text NOT NULL,
    client_request_id     text NOT NULL,
    surface               text NOT NULL,
    users                 bigint NOT NULL,
    gone                  bigint NOT NULL,
    CONSTRAINT departures_pkey PRIMARY KEY (organization_id),
    CONSTRAINT departures_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};

ALTER TABLE organizations ADD COLUMN departing boolean NOT NULL DEFAULT false;
