-- +goose Up

-- A domain of mail addresses no longer belongs to the provider that was first to name it: what counts is who has proved
-- that it is theirs.
DROP TABLE provider_domains;

-- The domains of mail addresses that an organization has proved to be its own. found_at is when the proof was in DNS
-- last, asked_at when it was looked for last. Who has the whole directory may confirm one without DNS.
CREATE TABLE mail_domains (
    organization_id bigint NOT NULL,
    name            text COLLATE {{.Bytewise}} NOT NULL,
    proved_at       bigint NOT NULL,
    found_at        bigint NOT NULL,
    asked_at        bigint NOT NULL,
    confirmed       boolean NOT NULL,
    CONSTRAINT mail_domains_pkey PRIMARY KEY (organization_id, name),
    CONSTRAINT mail_domains_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX mail_domains_asked_at_idx ON mail_domains (asked_at) WHERE NOT confirmed;

-- Which organizations have proved a domain.
CREATE TABLE mail_domain_names (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    proved_at       bigint NOT NULL,
    CONSTRAINT mail_domain_names_pkey PRIMARY KEY (name, organization_id)
) {{.StoredByKey}};
