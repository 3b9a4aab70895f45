package webhookserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// inboxWorkers bounds the deliveries at once, and with them the payloads in memory.
	inboxWorkers = 8
	// claimSlack is how long a claim outlives the sinks' timeouts.
	claimSlack = 15 * time.Second
	// writeTries bounds the attempts to write down what a sink said.
	writeTries = 6
)

var errClaimGone = errors.New("the claim on the WebhookEvent is another replica's")

// run follows the receiver's WebhookEvents and delivers what is due until ctx ends. Deliveries under way are
// finished, or broken off when hard ends.
func (b *inbox) run(ctx, hard context.Context, namespace, name string) {
	var wg sync.WaitGroup
	wg.Go(func() {
		f := follower{
			client: b.client, log: b.log, what: "webhookevents",
			list: func() client.ObjectList { return &v1alpha1.WebhookEventList{} },
			opts: []client.ListOption{
				client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelReceiver: name},
			},
			begin: b.index.begin,
			set:   func(o client.Object) { b.observe(o.(*v1alpha1.WebhookEvent)) },
			gone: func(o client.Object) {
				b.index.remove(o.GetName())
				if e := o.(*v1alpha1.WebhookEvent); e.Status.Phase != v1alpha1.EventDelivered {
					id := e.Spec.EventID
					wg.Go(func() { b.discarded(hard, id) })
				}
			},
			end: b.index.end,
		}
		f.run(ctx)
	})
	for range inboxWorkers {
		wg.Go(func() {
			for {
				r, ok := b.index.next(ctx)
				if !ok {
					return
				}
				b.index.done(r.name, b.work(hard, namespace, r))
			}
		})
	}
	wg.Wait()
}

// observe takes note of an object. Its first attempt is up to minBackoff away.
func (b *inbox) observe(e *v1alpha1.WebhookEvent) {
	r := retry{minBackoff: defaultMinBackoff}
	if cfg, _ := b.config.current(); cfg != nil {
		r = cfg.retry
	}
	b.index.set(e, time.Now(), rand.N(r.minBackoff))
}

// work does what a record needs and returns before when it need not be looked at again.
func (b *inbox) work(ctx context.Context, namespace string, r record) time.Time {
	cfg, _ := b.config.current()
	if cfg == nil {
		return time.Now().Add(time.Second)
	}
	e, err := b.claim(ctx, cfg, namespace, r)
	switch {
	case apierrors.IsConflict(err):
		// The watch is about to tell what changed.
		return time.Now().Add(100*time.Millisecond + rand.N(200*time.Millisecond))
	case apierrors.IsNotFound(err):
		b.index.remove(r.name)
		return time.Time{}
	case err == nil && e.Status.Phase != v1alpha1.EventDelivered:
		e, err = b.deliver(ctx, cfg, e)
	}
	if err == nil && e.Status.Phase == v1alpha1.EventDelivered && replayWanted(e) == "" {
		err = b.finish(ctx, e)
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			b.log.Warn("inbox", "webhookevent", r.name, "error", brief(err))
		}
		return time.Now().Add(time.Second + rand.N(time.Second))
	}
	return time.Time{}
}

// claim takes the event in hand by compare-and-swap, and starts a replay that is wanted. The answer has the whole
// object.
func (b *inbox) claim(ctx context.Context, cfg *settings, namespace string, r record) (*v1alpha1.WebhookEvent, error) {
	longest := time.Duration(0)
	for _, s := range cfg.sinks {
		longest = max(longest, s.timeout)
	}
	now := time.Now()
	until := now.Add(longest + claimSlack)
	patch, err := claimPatch(r.version, b.identity, until)
	if r.replay != "" {
		status := replayed(r.replay, now, cfg.retry)
		status.ClaimedBy, status.ClaimedUntil = b.identity, microTime(until)
		patch, err = statusPatch(r.version, status)
	}
	if err != nil {
		return nil, err
	}
	e := &v1alpha1.WebhookEvent{}
	e.Namespace, e.Name = namespace, r.name
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	if err := b.client.Status().Patch(ctx, e, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return nil, fmt.Errorf("claim WebhookEvent: %w", err)
	}
	return e, nil
}

// deliver makes one attempt at every sink that still needs the event and writes down what came of it.
func (b *inbox) deliver(ctx context.Context, cfg *settings, e *v1alpha1.WebhookEvent) (*v1alpha1.WebhookEvent, error) {
	names := toDeliver(e)
	to := cfg.named(names)
	results := map[string]attempt{}
	for _, name := range names {
		// A replica that has not heard of a new sink yet, or a sink that is gone by mistake: neither may cost the
		// event. Found again within retry.maxAge it gets the event.
		results[name] = attempt{err: "spec.delivery.sinks has no sink of this name"}
	}
	r := cfg.retry
	message, err := b.message(cfg, e)
	if err != nil {
		// It will not get better; the object stays for a person to look at.
		r.maxAge = 0
		for _, s := range to {
			results[s.name] = attempt{err: "the payload cannot be read"}
		}
	} else if len(to) > 0 {
		for i, a := range b.attempt(ctx, message, to, "inbox") {
			results[to[i].name] = a
		}
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), workLimit/2)
		defer cancel()
	}
	return b.writeDown(ctx, e, results, r)
}

// message makes the CloudEvent again from the payload.
func (b *inbox) message(cfg *settings, e *v1alpha1.WebhookEvent) ([]byte, error) {
	raw, err := unpack(e.Spec.Payload)
	if err != nil {
		return nil, err
	}
	parsed, err := cfg.codec.Parse(raw)
	if err != nil {
		return nil, err
	}
	if parsed.ID != e.Spec.EventID {
		return nil, provider.ErrMalformedEvent
	}
	b.plans.name(&parsed)
	return cloudEvent(cfg, parsed)
}

// writeDown records the attempts, also when the object was annotated meanwhile, and settles the ledger as Dead
// before an event is shown as given up.
func (b *inbox) writeDown(
	ctx context.Context, e *v1alpha1.WebhookEvent, results map[string]attempt, r retry,
) (*v1alpha1.WebhookEvent, error) {
	var last error
	for try := range writeTries {
		if try > 0 {
			sleep(ctx, 100*time.Millisecond<<try)
		}
		status := afterAttempts(e, results, r, time.Now(), randomPause)
		if status.Phase == v1alpha1.EventDead {
			if last = b.settle(ctx, e, ledger.Dead); last != nil {
				continue
			}
		}
		after, err := b.patch(ctx, e, status)
		switch {
		case err == nil:
			b.index.set(after, time.Now(), 0)
			b.wroteDown(after)
			return after, nil
		case apierrors.IsNotFound(err):
			b.index.remove(e.Name)
			return nil, err
		case apierrors.IsConflict(err):
			fresh := &v1alpha1.WebhookEvent{}
			if last = b.client.Get(ctx, client.ObjectKeyFromObject(e), fresh); last != nil {
				continue
			}
			if fresh.Status.ClaimedBy != b.identity || fresh.Status.Replayed != e.Status.Replayed {
				return nil, errClaimGone
			}
			e = fresh
		default:
			last = err
		}
	}
	return nil, fmt.Errorf("write down deliveries: %w", last)
}

func (b *inbox) wroteDown(e *v1alpha1.WebhookEvent) {
	if e.Status.Phase == v1alpha1.EventDead {
		b.counters.dead.Add(1)
		b.recent.add(recentOfInbox(e, v1alpha1.OutcomeDead))
	}
}

func (b *inbox) patch(
	ctx context.Context, e *v1alpha1.WebhookEvent, status v1alpha1.WebhookEventStatus,
) (*v1alpha1.WebhookEvent, error) {
	patch, err := statusPatch(e.ResourceVersion, status)
	if err != nil {
		return nil, err
	}
	after := &v1alpha1.WebhookEvent{}
	after.Namespace, after.Name = e.Namespace, e.Name
	err = b.client.Status().Patch(ctx, after, client.RawPatch(types.MergePatchType, patch))
	return after, err
}

// finish settles a delivered event and deletes it. Whoever finds a delivered event after a crash comes here too, so
// no sink gets it again. A replay that was asked for meanwhile changed the object, and the deletion fails.
func (b *inbox) finish(ctx context.Context, e *v1alpha1.WebhookEvent) error {
	if err := b.settle(ctx, e, ledger.Processed); err != nil {
		return err
	}
	b.recent.add(recentOfInbox(e, v1alpha1.OutcomeProcessed))
	err := b.client.Delete(ctx, e, client.Preconditions{UID: &e.UID, ResourceVersion: &e.ResourceVersion})
	if err == nil || apierrors.IsNotFound(err) {
		b.index.remove(e.Name)
		return nil
	}
	return fmt.Errorf("delete WebhookEvent: %w", err)
}

// discarded settles an event whose WebhookEvent somebody deleted. Every replica that sees it tries. An entry that stays
// open would be remembered for ever.
func (b *inbox) discarded(ctx context.Context, id string) {
	for try := range writeTries {
		err := b.ledger.Settle(ctx, id, ledger.Dead)
		if err == nil || errors.Is(err, ledger.ErrLost) || ctx.Err() != nil {
			return
		}
		sleep(ctx, time.Second<<try)
	}
	b.log.Warn("a deleted WebhookEvent was not settled")
}

// settle moves the ledger's entry on. Where the entry is still a claim of a replica that died between the inbox and
// its settlement, or was not known here yet, a claim finds out or takes over.
func (b *inbox) settle(ctx context.Context, e *v1alpha1.WebhookEvent, to ledger.State) error {
	for range 2 {
		err := b.ledger.Settle(ctx, e.Spec.EventID, to)
		if !errors.Is(err, ledger.ErrLost) {
			return err
		}
		claim, err := b.ledger.Claim(ctx, ledger.Event{ID: e.Spec.EventID, Type: e.Spec.NativeType})
		switch {
		case err != nil:
			return err
		case claim.Outcome == ledger.Busy:
			return fmt.Errorf("%w: another replica holds the event's claim", ledger.ErrUnavailable)
		case claim.Outcome == ledger.Duplicate && claim.State != ledger.Deferred:
			return nil // settled for good, as after a replay
		}
	}
	return fmt.Errorf("%w: another replica is settling the event", ledger.ErrUnavailable)
}

func randomPause(n time.Duration) time.Duration { return rand.N(max(n, 1)) }
