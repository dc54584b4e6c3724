-- +goose Up

-- Mail to be sent. The letter is sealed under the server's key, and erased when it was
-- sent or given up. state is 0 waiting, 1 sent, 2 given up.
CREATE TABLE outbox (
    organization_id bigint NOT NULL,
    id              text COLLATE {{.Bytewise}} NOT NULL,
    user_id         bigint NOT NULL,
    kind            text COLLATE {{.Bytewise}} NOT NULL,
    state           bigint NOT NULL,
    attempts        bigint NOT NULL,
    created_at      bigint NOT NULL,
    next_at         bigint NOT NULL,
    claimed_by      text COLLATE {{.Bytewise}} NOT NULL,
    done_at         bigint NOT NULL,
    error           text COLLATE {{.Bytewise}} NOT NULL,
    letter          text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX outbox_next_at_idx ON outbox (next_at, id) WHERE state = 0;
CREATE INDEX outbox_done_at_idx ON outbox (done_at) WHERE state <> 0;
