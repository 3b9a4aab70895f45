package webhookserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
)

const (
	// maxInHand bounds the memory of the events that are delivered at once, in bytes.
	maxInHand = 12 << 20
	// claimSlack is how long a claim outlives the sinks' timeouts; a part of it is for what has to be waited for before.
	claimSlack = 15 * time.Second
	claimWait  = 5 * time.Second
	// writeTries bounds the attempts to settle an event that somebody deleted.
	writeTries = 6
	// writeLimit bounds how long it is tried to write down what a sink said. While the API server is away no other replica
	// can take the event over, and one that gave up would deliver it a second time.
	writeLimit = 10 * time.Minute
	// writePause is the longest pause between two tries.
	writePause = time.Second
)

var errClaimGone = errors.New("the claim on the WebhookEvent is another replica's")

// run follows the receiver's WebhookEvents and delivers what is due until ctx ends. Deliveries under way are
// finished, or broken off when hard ends.
func (b *inbox) run(ctx, hard context.Context, namespace, name string) {
	var wg sync.WaitGroup
	wg.Go(func() {
		f := serving.Follower{
			Client: b.client, Log: b.log, What: "webhookevents",
			List: func() client.ObjectList { return &v1alpha1.WebhookEventList{} },
			Opts: []client.ListOption{
				client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelReceiver: name},
			},
			Size:  func(o client.Object) int { return len(o.(*v1alpha1.WebhookEvent).Spec.Payload) },
			Begin: b.index.begin,
			Set:   func(o client.Object) { b.observe(o.(*v1alpha1.WebhookEvent)) },
			Gone: func(o client.Object) {
				b.index.remove(o.GetName())
				if e := o.(*v1alpha1.WebhookEvent); e.Status.Phase != v1alpha1.EventDelivered {
					id := e.Spec.EventID
					wg.Go(func() { b.discarded(hard, id) })
				}
			},
			End: b.index.end,
		}
		f.Run(ctx)
	})
	memory := semaphore.NewWeighted(maxInHand)
	for {
		j, ok := b.index.next(ctx)
		if !ok {
			break
		}
		if err := memory.Acquire(ctx, inHand(j.size)); err != nil {
			b.index.done(j, time.Time{})
			break
		}
		wg.Go(func() {
			defer memory.Release(inHand(j.size))
			b.index.done(j, b.work(hard, namespace, j))
		})
	}
	wg.Wait()
}

// inHand is about what an event needs while it is delivered: the object as it comes, the payload, the body, and the
// CloudEvent. JSON is rarely compressed to less than an eighth, and a body has its limit.
func inHand(payload int64) int64 { return min(3*payload+2*min(8*payload, maxBody), maxInHand) }

// observe takes note of an object. Its first attempt is up to minBackoff away, and not sooner than half of it: whoever
// puts an event into the inbox writes down just after that what a sink said, such as that it wants the event no more.
func (b *inbox) observe(e *v1alpha1.WebhookEvent) {
	r := retryOf(nil)
	if cfg, _ := b.config.current(); cfg != nil {
		r = cfg.retry
	}
	b.note(e, r.minBackoff/2+rand.N(r.minBackoff/2), r)
}

// note puts an object into the index. This replica's own claim is none to wait for: what is in hand the index knows.
func (b *inbox) note(e *v1alpha1.WebhookEvent, jitter time.Duration, r retry) {
	if e.Status.ClaimedBy == b.identity {
		e.Status.ClaimedBy = ""
	}
	b.index.set(e, time.Now(), jitter, r)
}

// work does what a record needs and returns before when it need not be looked at again.
func (b *inbox) work(ctx context.Context, namespace string, j job) time.Time {
	cfg, _ := b.config.current()
	if cfg == nil {
		return time.Now().Add(time.Second)
	}
	e, err := b.claim(ctx, cfg, namespace, j.record)
	switch {
	case apierrors.IsConflict(err):
		// The watch is about to tell what changed.
		return time.Now().Add(100*time.Millisecond + rand.N(200*time.Millisecond))
	case apierrors.IsNotFound(err):
		b.index.remove(j.name)
		return time.Time{}
	case err == nil && waits(e.Status.Phase):
		e, err = b.deliver(ctx, cfg, e, j)
	}
	if err == nil && e.Status.Phase == v1alpha1.EventDelivered && replayWanted(e) == "" {
		err = b.finish(ctx, e)
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			b.log.Warn("inbox", "webhookevent", j.name, "error", serving.Brief(err))
		}
		return time.Now().Add(time.Second + rand.N(time.Second))
	}
	return time.Time{}
}

// claim takes the event in hand by compare-and-swap, and starts a replay that is wanted. The answer has the whole
// object.
func (b *inbox) claim(ctx context.Context, cfg *settings, namespace string, r record) (*v1alpha1.WebhookEvent, error) {
	now := time.Now()
	until := now.Add(cfg.longest() + claimSlack)
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

// deliver makes one attempt at the job's sinks that still need the event and writes down what came of it. A chore goes
// to all of them.
func (b *inbox) deliver(
	ctx context.Context, cfg *settings, e *v1alpha1.WebhookEvent, j job,
) (*v1alpha1.WebhookEvent, error) {
	names := toDeliver(e)
	if !j.chore() {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(j.sinks, name) })
	}
	to := cfg.named(names)
	results := map[string]attempt{}
	for _, name := range names {
		// A replica that has not heard of a new sink yet, or a sink that is gone by mistake: neither may cost the
		// event. Found again within retry.maxAge it gets the event.
		results[name] = withheld(classUnready, missingSink)
	}
	r := cfg.retry
	m, err := b.message(cfg, e)
	if err != nil {
		// It will not get better; the object stays for a person to look at.
		for _, name := range names {
			results[name] = attempt{gone: true, err: "the payload cannot be read"}
		}
	} else if len(to) > 0 {
		limit, cancel := context.WithTimeout(ctx, cfg.longest()+claimWait)
		for i, a := range b.attempt(limit, m, to, pathInbox) {
			results[to[i].name] = a
		}
		cancel()
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), workLimit/2)
		defer cancel()
	}
	return b.writeDown(ctx, e, results, r)
}

// message makes the CloudEvent again from the payload.
func (b *inbox) message(cfg *settings, e *v1alpha1.WebhookEvent) (*message, error) {
	raw, err := notice.Unpack(e.Spec.Payload)
	if err != nil {
		return nil, err
	}
	parsed, err := cfg.parse(raw)
	if err != nil {
		return nil, err
	}
	if parsed.ID != e.Spec.EventID {
		return nil, provider.ErrMalformedEvent
	}
	b.plans.name(&parsed)
	return cloudEvent(cfg, &parsed, e.Spec.ReceivedAt.Time)
}

// writeDown records the attempts, also when the object was annotated meanwhile, and settles the ledger as Dead
// before an event is shown as given up.
func (b *inbox) writeDown(
	ctx context.Context, e *v1alpha1.WebhookEvent, results map[string]attempt, r retry,
) (*v1alpha1.WebhookEvent, error) {
	var last error
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	for try := 0; try == 0 || ctx.Err() == nil; try++ {
		if try > 0 {
			serving.Sleep(ctx, min(50*time.Millisecond<<min(try, 8), writePause))
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
			b.note(after, 0, r)
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
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
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
	if b.ledger == nil {
		return
	}
	for try := range writeTries {
		err := b.ledger.Settle(ctx, id, ledger.Dead)
		if err == nil || errors.Is(err, ledger.ErrLost) || ctx.Err() != nil {
			return
		}
		serving.Sleep(ctx, time.Second<<try)
	}
	b.log.Warn("a deleted WebhookEvent was not settled")
}

// settle moves the ledger's entry on. Where the entry is still a claim of a replica that died between the inbox and
// its settlement, or was not known here yet, a claim finds out or takes over.
func (b *inbox) settle(ctx context.Context, e *v1alpha1.WebhookEvent, to ledger.State) error {
	if b.ledger == nil {
		return nil
	}
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
