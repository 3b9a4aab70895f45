package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
)

const (
	digits = 8 // of an event's number at the end of its id
	// eventSize in bytes: about that of a subscription event of Stripe.
	eventSize = 2048

	inFlight    = 192  // requests at a time
	outstanding = 4096 // events that are sent and not acknowledged
	// Pauses between the attempts at an event, or half of them.
	firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second
	requestTimeout           = 30 * time.Second
)

// sender is the provider.
type sender struct {
	began  time.Time
	prefix string
	secret string
	urls   []string
	client *http.Client
	active chan struct{}

	requests, refusedConnections atomic.Int64

	mu           sync.Mutex
	sent         []moment // for the first time; 0: not yet
	acknowledged []moment // 0: not yet
	count        int
	broken       map[int][]moment
	refused      map[int]bool
	statuses     map[int]int
}

func newSender(began time.Time, events int, secret string, urls []string) *sender {
	return &sender{
		began: began, secret: secret, urls: urls, active: make(chan struct{}, inFlight),
		prefix: fmt.Sprintf("evt_%x_", began.UnixMilli()), sent: make([]moment, events), acknowledged: make([]moment, events),
		broken: map[int][]moment{}, refused: map[int]bool{}, statuses: map[int]int{},
		client: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}, Timeout: requestTimeout,
		},
	}
}

// run sends the stream and returns when all of it is acknowledged, or patience is over for what is left; sent is called
// when everything was sent once.
func (d *sender) run(events iter.Seq[int], patience time.Duration, sent func()) {
	slots := make(chan struct{}, outstanding)
	var all sync.WaitGroup
	end := make(chan struct{})
	for n := range events {
		slots <- struct{}{}
		all.Go(func() {
			d.deliver(n, end)
			<-slots
		})
	}
	sent()
	timer := time.AfterFunc(patience, func() { close(end) })
	all.Wait()
	timer.Stop()
}

// id of an event.
func (d *sender) id(n int) string { return fmt.Sprintf("%s%0*d", d.prefix, digits, n) }

// happened is the provider's time of an event, in seconds.
func (d *sender) happened(place int) int64 {
	return d.began.Unix() - int64(len(statuses)) + int64(place)
}

// deliver repeats an event until it is acknowledged.
func (d *sender) deliver(n int, end <-chan struct{}) {
	body, pause := d.event(n), firstPause
	for {
		d.active <- struct{}{}
		done := d.attempt(n, body)
		<-d.active
		if done {
			return
		}
		select {
		case <-end:
			return
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longestPause)
	}
}

func (d *sender) event(n int) []byte {
	of, place := subject(n)
	event := fmt.Appendf(make([]byte, 0, eventSize), `{"id":"%s","object":"event","api_version":"2023-10-16",`+
		`"created":%d,"livemode":false,"type":"customer.subscription.updated","data":{"object":{"id":"sub_%d",`+
		`"object":"subscription","status":"%s","customer":"cus_%d","items":{"data":[{"id":"si_1","price":{"id":`+
		`"price_1"}}]},"metadata":{"user_id":"user_%d"}}},"padding":"`,
		d.id(n), d.happened(place), of, statuses[place], of, of)
	event = append(event, bytes.Repeat([]byte("x"), eventSize-len(event)-2)...)
	return append(event, '"', '}')
}

func (d *sender) attempt(n int, body []byte) (acknowledged bool) {
	d.requests.Add(1)
	d.mu.Lock()
	if d.sent[n] == 0 {
		d.sent[n] = time.Since(d.began)
	}
	d.mu.Unlock()
	status, err := d.post(body)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		d.refusedConnections.Add(1)
	case err != nil:
		d.broken[n] = append(d.broken[n], time.Since(d.began))
	case status == http.StatusOK:
		if d.acknowledged[n] == 0 {
			d.acknowledged[n] = time.Since(d.began)
			d.count++
		}
		d.statuses[status]++
		return true
	default:
		d.refused[n] = true
		d.statuses[status]++
	}
	return false
}

func (d *sender) post(body []byte) (status int, err error) {
	url := d.urls[rand.IntN(len(d.urls))]
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Stripe-Signature", stripe.Sign(d.secret, time.Now(), body))
	res, err := d.client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, errors.Join(err, res.Body.Close())
}

func (d *sender) acknowledgedCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// history of an event, as far as the provider knows it.
func (d *sender) history(n int) history {
	d.mu.Lock()
	defer d.mu.Unlock()
	return history{sent: d.sent[n], acknowledged: d.acknowledged[n], broken: d.broken[n], refused: d.refused[n]}
}
