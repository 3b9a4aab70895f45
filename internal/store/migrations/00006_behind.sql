-- +goose Up

-- What is behind an earlier event of its key is not due, however old it is. The mark only keeps it from being looked
-- at: whoever takes the earlier event away takes the mark away, too, and it is looked for what lost its earlier event
-- otherwise.
--
-- What is due is looked up by sink. Replicas of the version before sort what waits instead, as the index is gone that
-- they had: while a rollout lasts that costs less than a second index, which a plan could take for this one.
ALTER TABLE kassa.deliveries ADD COLUMN behind boolean NOT NULL DEFAULT false;
-- When an event was received, so that what waits is counted without looking the events up.
ALTER TABLE kassa.deliveries ADD COLUMN kept_at timestamptz NOT NULL DEFAULT now();
DROP INDEX kassa.deliveries_due;
CREATE INDEX deliveries_due ON kassa.deliveries (receiver, sink, next_attempt_at) WHERE NOT dead AND NOT behind;

-- +goose Down
DROP INDEX kassa.deliveries_due;
ALTER TABLE kassa.deliveries DROP COLUMN behind, DROP COLUMN kept_at;
CREATE INDEX deliveries_due ON kassa.deliveries (receiver, next_attempt_at) WHERE NOT dead;
