package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/billing"
)

// guestBatch is how many payloads are read at once. Each may have a megabyte.
const guestBatch = 50

// Payloads of events that are about neither a subscription nor a customer, in the order of their key.
const guestsSQL = `
SELECT p.receiver, p.event_id, p.body
FROM kassa.payloads p JOIN kassa.webhook_events e ON e.event_id = p.event_id AND e.receiver = p.receiver
WHERE (p.event_id, p.receiver) > ($1, $2) AND ($3 = '' OR e.account = $3) AND EXISTS (
	SELECT 1 FROM kassa.deliveries d
	WHERE d.event_id = p.event_id AND d.receiver = p.receiver AND d.order_key = '')
ORDER BY p.event_id, p.receiver LIMIT $4`

// findGuest looks into what is kept of events that no row leads to, such as a purchase without an account.
func findGuest(ctx context.Context, tx pgx.Tx, p Person) (found events, err error) {
	var receiver, id string
	for {
		rows, err := tx.Query(ctx, guestsSQL, id, receiver, p.Account, guestBatch)
		if err != nil {
			return found, err
		}
		var body []byte
		tag, err := pgx.ForEachRow(rows, []any{&receiver, &id, &body}, func() error {
			if request, err := Unpack(body); err == nil && mentions(request, p.Email) {
				found.add(receiver, id)
			}
			return nil
		})
		if err != nil || tag.RowsAffected() < guestBatch {
			return found, err
		}
	}
}

// mentions says that a string of a JSON text is this address, which is in lower case.
func mentions(text []byte, email string) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok && billing.LowerEmail(strings.TrimSpace(s)) == email {
			return true
		}
	}
}
