-- +goose Up

-- What was given up is kept with its payload, so it can be delivered after all.
-- +goose StatementBegin
CREATE FUNCTION kassa.replay(of_receiver text, of_event text DEFAULT NULL, of_sink text DEFAULT NULL) RETURNS bigint
LANGUAGE sql AS $$
    UPDATE kassa.webhook_events AS t SET state = 'Deferred'
    WHERE t.receiver = of_receiver AND t.event_id = COALESCE(of_event, t.event_id) AND t.state = 'Dead'
        AND EXISTS (
            SELECT 1 FROM kassa.deliveries d
            WHERE d.receiver = t.receiver AND d.event_id = t.event_id AND d.dead AND d.sink = COALESCE(of_sink, d.sink));
    WITH again AS (
        UPDATE kassa.deliveries SET dead = FALSE, holder = '', held_until = NULL, next_attempt_at = now()
        WHERE receiver = of_receiver AND event_id = COALESCE(of_event, event_id) AND sink = COALESCE(of_sink, sink)
            AND dead
        RETURNING 1
    )
    SELECT COUNT(*) FROM again
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION kassa.replay IS
    'Delivers again what was given up: of a receiver (namespace/name), and if given of one event or sink. Returns how '
    'many deliveries. The receiver sends them within seconds: once alone if the event is older than retry.maxAge.';

-- +goose Down
DROP FUNCTION kassa.replay;
