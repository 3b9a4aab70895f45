package recovery

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// Recorder is a receiver that keeps records.
type Recorder interface {
	// Doubts are at most so many subscriptions in doubt.
	Doubts(ctx context.Context, most int) (Doubts, error)
	// Read brings it what the provider said of them.
	Read(ctx context.Context, r Readings) error
}

// Reread has the provider decide what is in doubt.
type Reread struct {
	Provider provider.Rereader
	Account  string // the provider's id, of which the receiver's doubts have to be
	Receiver Recorder
	Now      func() time.Time
}

// Reads counts subscriptions.
type Reads struct {
	Read   int
	Gone   int // the provider has them no more
	Failed int // could not be read
}

// maxUnread is how many subscriptions the provider may refuse to tell before the rest is left for another time.
const maxUnread = 3

// Run reads what is in doubt, each with one call, and brings what came of it to the receiver. What the provider has no
// more is told as well, so that it is not asked for again. An error that is not of one subscription ends it; what was
// read before is brought all the same.
func (r Reread) Run(ctx context.Context) (Reads, error) {
	asked, err := r.Receiver.Doubts(ctx, MaxDoubts)
	if err != nil || asked.Account != r.Account {
		return Reads{}, err // of another account: the receiver, or the operator, is about to be told of the change
	}
	var out Reads
	told := Readings{Account: asked.Account}
	for _, d := range asked.Doubts[:min(len(asked.Doubts), MaxDoubts)] {
		reading, failure := r.read(ctx, d)
		if failure == nil {
			told.Readings = append(told.Readings, reading)
			continue
		}
		out.Failed++
		err = failure
		if provider.ClassOf(failure) != provider.ClassTerminal || out.Failed >= maxUnread {
			break
		}
	}
	if len(told.Readings) == 0 {
		return out, err
	}
	if away := r.Receiver.Read(ctx, told); away != nil {
		return out, away
	}
	for _, reading := range told.Readings {
		if reading.State == nil {
			out.Gone++
		} else {
			out.Read++
		}
	}
	return out, err
}

func (r Reread) read(ctx context.Context, d Doubt) (Reading, error) {
	out := Reading{Doubt: d, ReadAt: r.Now().UTC()}
	state, err := r.Provider.Reread(ctx, d.Subscription)
	switch {
	case err == nil:
		out.State, out.Ended = (*State)(&state.Told), state.Ended
	case provider.ClassOf(err) != provider.ClassNotFound:
		return Reading{}, err
	}
	return out, nil
}

var _ Recorder = (*Client)(nil)

// Doubts implements Recorder.
func (c *Client) Doubts(ctx context.Context, most int) (out Doubts, err error) {
	err = c.exchange(ctx, DoubtsPath, DoubtQuestion{Doubts: most}, &out)
	return out, err
}

// Read implements Recorder.
func (c *Client) Read(ctx context.Context, r Readings) error {
	return c.exchange(ctx, ReadingsPath, r, &struct{}{})
}

// exchange posts a body and reads the answer.
func (c *Client) exchange(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	status, _, text, err := c.post(ctx, path, body)
	if err == nil && (status != http.StatusOK || json.Unmarshal(text, answer) != nil) {
		err = &UnavailableError{Status: status}
	}
	return err
}
