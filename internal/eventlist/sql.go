package eventlist

import (
	"fmt"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// ListSQL asks a receiver's database for its latest events, or for what was given up.
func ListSQL(r *v1alpha1.WebhookReceiver, dead bool) string {
	if dead {
		return fmt.Sprintf("  SELECT d.event_id, e.type, d.sink, d.attempts, d.last_error FROM kassa.deliveries d\n"+
			"  JOIN kassa.webhook_events e USING (event_id, receiver) WHERE d.receiver = %s AND d.dead;", ofReceiver(r))
	}
	return fmt.Sprintf("  SELECT * FROM kassa.webhook_events WHERE receiver = %s ORDER BY received_at DESC LIMIT 50;",
		ofReceiver(r))
}

// ShowSQL asks for one event, and where it still has to go.
func ShowSQL(r *v1alpha1.WebhookReceiver, id string) string {
	return fmt.Sprintf("  SELECT * FROM kassa.webhook_events WHERE receiver = %[1]s AND event_id = %[2]s;\n"+
		"  SELECT * FROM kassa.deliveries WHERE receiver = %[1]s AND event_id = %[2]s;", ofReceiver(r), text(id))
}

func ofReceiver(r *v1alpha1.WebhookReceiver) string { return text(r.Namespace + "/" + r.Name) }

// text is a literal of SQL.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
