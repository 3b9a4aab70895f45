-- +goose Up

-- Where events of one moment tell a subscription differently, it is read again at its provider; see internal/records.
ALTER TABLE kassa.subscriptions
    ADD COLUMN tied boolean NOT NULL DEFAULT FALSE, -- events of the version's moment told different things
    ADD COLUMN asked text COLLATE "C" NOT NULL DEFAULT ''; -- the latest moment after which the provider was asked
-- Without the version, which changes with every event.
CREATE INDEX subscriptions_tied ON kassa.subscriptions (provider, account) WHERE tied;

-- +goose Down
DROP INDEX kassa.subscriptions_tied;
ALTER TABLE kassa.subscriptions DROP COLUMN tied, DROP COLUMN asked;
