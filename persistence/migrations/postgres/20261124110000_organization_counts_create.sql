-- +goose Up

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
);
INSERT INTO organization_counts (organization_id, users, environments, groups, objects)
SELECT o.organization_id,
    (SELECT count(*) FROM users u WHERE u.organization_id = o.organization_id),
    (SELECT count(*) FROM environment_names n WHERE n.organization_id = o.organization_id),
    (SELECT count(*) FROM groups g WHERE g.organization_id = o.organization_id),
    (SELECT count(*) FROM objects b WHERE b.organization_id = o.organization_id)
FROM organizations o;

-- +goose Down
DROP TABLE organization_counts;
