package webhookserver

import (
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/serving"
)

// complainEvery bounds how often one kind of failure is logged. When the API server is away every request runs into it,
// and the metrics count them all.
const complainEvery = 10 * time.Second

// complaint is a kind of failure that many requests may run into at once.
type complaint struct {
	text      string
	sometimes rate.Sometimes
}

func complaintOf(text string) *complaint {
	return &complaint{text: text, sometimes: rate.Sometimes{First: 1, Interval: complainEvery}}
}

func (c *complaint) log(to *slog.Logger, err error) {
	c.sometimes.Do(func() { to.Warn(c.text, "error", serving.Brief(err), "atMostEvery", complainEvery.String()) })
}

// complaints of a server.
type complaints struct{ unrecorded, unreadable, unencodable, unwritten, unsettled *complaint }

func newComplaints() complaints {
	return complaints{
		unrecorded:  complaintOf("event not recorded"),
		unreadable:  complaintOf("inbox not readable"),
		unencodable: complaintOf("CloudEvent not made"),
		unwritten:   complaintOf("event not put into the inbox"),
		unsettled:   complaintOf("event not settled"),
	}
}
