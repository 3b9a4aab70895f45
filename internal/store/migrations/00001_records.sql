-- +goose Up

-- Every event of every receiver, once. This is the receivers' memory: what is here was processed, or is in somebody's
-- hands, and is not processed again.
CREATE TABLE kassa.webhook_events (
    receiver      text        NOT NULL, -- namespace/name of the WebhookReceiver
    event_id      text        NOT NULL, -- the provider's
    provider      text        NOT NULL DEFAULT '',
    account       text        NOT NULL DEFAULT '',
    native_type   text        NOT NULL, -- the provider's name of the event
    type          text        NOT NULL DEFAULT '', -- Kassa's, such as payment.succeeded
    occurred_at   timestamptz, -- by the provider's clock
    received_at   timestamptz NOT NULL,
    processed_at  timestamptz, -- when it was settled as it is now
    state         text        NOT NULL CHECK (state IN ('Claimed', 'Processed', 'Deferred', 'Dead')),
    claimed_by    text        NOT NULL, -- the process that holds it, or held it last
    claim_number  bigint      NOT NULL, -- of that process's claims
    claims        integer     NOT NULL DEFAULT 1, -- how often it was claimed
    claimed_at    timestamptz NOT NULL,
    PRIMARY KEY (event_id, receiver) -- the id first: no other index must look as good for finding an event
) WITH (fillfactor = 90);
-- What is forgotten, of each receiver by its own retention.
CREATE INDEX webhook_events_settled ON kassa.webhook_events (receiver, processed_at)
    WHERE state IN ('Processed', 'Dead');

-- The providers' requests, as long as they are needed.
CREATE TABLE kassa.payloads (
    receiver   text NOT NULL,
    event_id   text NOT NULL,
    body       bytea NOT NULL, -- zstd
    PRIMARY KEY (event_id, receiver),
    FOREIGN KEY (event_id, receiver) REFERENCES kassa.webhook_events (event_id, receiver) ON DELETE CASCADE
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000);

-- What sinks have not taken yet. A row goes when the sink took the event. Both tables fill and empty within minutes,
-- so they are cleaned up after some thousand rows, and not after a share of what was there once.
CREATE TABLE kassa.deliveries (
    receiver        text        NOT NULL,
    event_id        text        NOT NULL,
    sink            text        NOT NULL,
    order_key       text        NOT NULL DEFAULT '', -- events of one key go one after the other
    occurred_at     timestamptz NOT NULL,
    holder          text        NOT NULL DEFAULT '', -- who tries it now
    held_until      timestamptz,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_attempt_at timestamptz,
    last_error      text        NOT NULL DEFAULT '',
    dead            boolean     NOT NULL DEFAULT false, -- given up
    PRIMARY KEY (event_id, receiver, sink),
    FOREIGN KEY (event_id, receiver) REFERENCES kassa.webhook_events (event_id, receiver) ON DELETE CASCADE
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000);
CREATE INDEX deliveries_due ON kassa.deliveries (receiver, next_attempt_at) WHERE NOT dead;
CREATE INDEX deliveries_order ON kassa.deliveries (receiver, sink, order_key, occurred_at, event_id) WHERE NOT dead;

-- Of the records below every column is the same whatever the order in which events came, and however often each: it is
-- the least or the greatest value that any event told, or belongs to the event whose version is the greatest. Versions
-- are compared byte by byte; see internal/records.
CREATE TABLE kassa.customers (
    provider       text NOT NULL,
    account        text NOT NULL,
    id             text NOT NULL,
    user_id        text NOT NULL DEFAULT '', -- the application's own id
    user_version   text COLLATE "C" NOT NULL DEFAULT '',
    email          text NOT NULL DEFAULT '',
    email_version  text COLLATE "C" NOT NULL DEFAULT '',
    first_seen_at  timestamptz NOT NULL,
    deleted_at     timestamptz, -- at the provider
    PRIMARY KEY (provider, account, id)
);
CREATE INDEX customers_user_id ON kassa.customers (user_id) WHERE user_id <> '';

CREATE TABLE kassa.subscriptions (
    provider             text NOT NULL,
    account              text NOT NULL,
    id                   text NOT NULL,
    customer_id          text COLLATE "C" NOT NULL DEFAULT '',
    user_id              text NOT NULL DEFAULT '',
    user_version         text COLLATE "C" NOT NULL DEFAULT '',
    order_id             text COLLATE "C" NOT NULL DEFAULT '', -- of the order that it began with, at LemonSqueezy
    status               text NOT NULL DEFAULT '', -- empty while only its payments were told
    plan                 text NOT NULL DEFAULT '', -- names of the Plan object and of the price in it
    price                text NOT NULL DEFAULT '',
    price_id             text NOT NULL DEFAULT '', -- the provider's
    quantity             bigint NOT NULL DEFAULT 0, -- 0: not told
    unit_minor           bigint, -- what one costs in a period, in minor units
    currency             text NOT NULL DEFAULT '',
    period               text NOT NULL DEFAULT '', -- Day, Week, Month, Year
    period_count         integer NOT NULL DEFAULT 0,
    current_period_end   timestamptz,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    trial_end            timestamptz, -- the latest that was told
    version              text COLLATE "C" NOT NULL DEFAULT '',
    started_at           timestamptz NOT NULL, -- of the first event that told of it
    ended_at             timestamptz,
    PRIMARY KEY (provider, account, id)
);
CREATE INDEX subscriptions_customer ON kassa.subscriptions (provider, account, customer_id);
CREATE INDEX subscriptions_status ON kassa.subscriptions (status);
CREATE INDEX subscriptions_user_id ON kassa.subscriptions (user_id) WHERE user_id <> '';
CREATE INDEX subscriptions_order ON kassa.subscriptions (provider, account, order_id) WHERE order_id <> '';

CREATE TABLE kassa.payments (
    provider        text NOT NULL,
    account         text NOT NULL,
    kind            text NOT NULL, -- Order or Invoice at LemonSqueezy, which numbers them apart; Payment elsewhere
    id              text NOT NULL,
    customer_id     text COLLATE "C" NOT NULL DEFAULT '',
    subscription_id text COLLATE "C" NOT NULL DEFAULT '',
    plan            text COLLATE "C" NOT NULL DEFAULT '',
    price           text COLLATE "C" NOT NULL DEFAULT '',
    status          text NOT NULL DEFAULT '',
    amount_minor    bigint NOT NULL DEFAULT 0,
    currency        text NOT NULL DEFAULT '',
    money_version   text COLLATE "C" NOT NULL DEFAULT '', -- a refund tells the status, and not always the amount
    version         text COLLATE "C" NOT NULL DEFAULT '',
    attempts        integer NOT NULL DEFAULT 0, -- 0: not told
    failure_code    text NOT NULL DEFAULT '', -- the provider's, of the latest failure
    failure_version text COLLATE "C" NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL, -- of the first event that told of it
    paid_at         timestamptz,
    PRIMARY KEY (provider, account, kind, id)
);
CREATE INDEX payments_customer ON kassa.payments (provider, account, customer_id);
CREATE INDEX payments_subscription ON kassa.payments (provider, account, subscription_id);
CREATE INDEX payments_status ON kassa.payments (status, created_at);
CREATE INDEX payments_paid_at ON kassa.payments (paid_at);

-- Each attempt that failed.
CREATE TABLE kassa.payment_failures (
    provider   text NOT NULL,
    account    text NOT NULL,
    kind       text NOT NULL,
    payment_id text NOT NULL,
    event_id   text NOT NULL,
    attempt    integer NOT NULL DEFAULT 0,
    code       text NOT NULL DEFAULT '', -- the provider's
    failed_at  timestamptz NOT NULL,
    PRIMARY KEY (provider, account, kind, payment_id, event_id)
);
CREATE INDEX payment_failures_failed_at ON kassa.payment_failures (failed_at);

-- What was given back. Where a provider tells the sum so far, there is one row for each payment, with an empty id.
CREATE TABLE kassa.refunds (
    provider     text NOT NULL,
    account      text NOT NULL,
    kind         text NOT NULL,
    payment_id   text NOT NULL,
    id           text NOT NULL,
    amount_minor bigint NOT NULL,
    currency     text NOT NULL,
    refunded_at  timestamptz NOT NULL, -- the first of them
    PRIMARY KEY (provider, account, kind, payment_id, id)
);

CREATE TABLE kassa.disputes (
    provider     text NOT NULL,
    account      text NOT NULL,
    id           text NOT NULL,
    payment_id   text COLLATE "C" NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    status       text NOT NULL DEFAULT '', -- the provider's
    amount_minor bigint NOT NULL DEFAULT 0,
    currency     text NOT NULL DEFAULT '',
    version      text COLLATE "C" NOT NULL DEFAULT '',
    opened_at    timestamptz,
    closed_at    timestamptz,
    PRIMARY KEY (provider, account, id)
);
CREATE INDEX disputes_payment ON kassa.disputes (provider, account, payment_id);

-- +goose Down
DROP TABLE kassa.disputes, kassa.refunds, kassa.payment_failures, kassa.payments, kassa.subscriptions, kassa.customers,
    kassa.deliveries, kassa.payloads,
    kassa.webhook_events;
