package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

// rewatch is the pause before a watch that ended begins again.
const rewatch = time.Second

// follow prints a line whenever the state of an event changes. The ledger is not watched: it is written for each event,
// and the status tells the same within a second.
func (l *eventsListing) follow(ctx context.Context, c client.WithWatch, q eventlist.Query) error {
	if _, _, err := eventlist.Read(ctx, c, eventlist.Query{
		Namespace: q.Namespace, Receiver: q.Receiver, Inbox: true,
	}); err != nil {
		return err // such as that there is no such receiver, or no right to read: a watch would be tried for ever
	}
	news := make(chan []eventlist.Event)
	for _, kind := range []client.ObjectList{&v1alpha1.WebhookReceiverList{}, &v1alpha1.WebhookEventList{}} {
		go l.listen(ctx, c, q, kind, news)
	}
	list := eventlist.List{}
	seen := map[eventlist.Key]eventlist.State{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case events := <-news:
			for i := range events {
				e := list.Settle(events[i])
				if !l.passes(&e) || seen[e.Key()] == e.State {
					continue
				}
				seen[e.Key()] = e.State
				if err := l.line(&e); err != nil {
					return err
				}
			}
		}
	}
}

// line prints without a header: there is no end at which columns could be measured.
func (l *eventsListing) line(e *eventlist.Event) error {
	text := fmt.Sprintf("%s  %-9s  %-28s  %s  %s", time.Now().Format(time.TimeOnly), e.State, kindOf(e), e.Receiver, e.ID)
	if why := e.LastError(); why != "" {
		text += "  " + why
	}
	_, err := fmt.Fprintln(l.Streams.Out, kubectl.Shown(text))
	return err
}

// listen tells what objects of a kind say, from those that are there on, until ctx ends.
func (l *eventsListing) listen(
	ctx context.Context, c client.WithWatch, q eventlist.Query, kind client.ObjectList, to chan<- []eventlist.Event,
) {
	for ctx.Err() == nil {
		w, err := c.Watch(ctx, kind, client.InNamespace(q.Namespace))
		if err != nil {
			l.Warnf("watching: %v", err)
		} else {
			l.drain(ctx, w, q, to)
			w.Stop()
		}
		select {
		case <-ctx.Done():
		case <-time.After(rewatch):
		}
	}
}

func (l *eventsListing) drain(ctx context.Context, w watch.Interface, q eventlist.Query, to chan<- []eventlist.Event) {
	for {
		select {
		case <-ctx.Done():
			return
		case change, open := <-w.ResultChan():
			if !open {
				return
			}
			events := eventlist.Changed(change, q.Receiver)
			if len(events) == 0 {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case to <- events:
			}
		}
	}
}
