package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// appURL is where the sample's NodePort Service has the example application.
const appURL = "http://127.0.0.1:30080"

// appEvent is an event as the example application took it.
type appEvent struct {
	Type, KassaProvider string
	Data                struct {
		Customer     *struct{ UserID string }
		Subscription *struct{ Status, Plan, Price string }
		Payment      *struct{ Amount, Currency, Status string }
	}
}

// of says whose event it is, or that nobody is named.
func (e *appEvent) of() string {
	if e.Data.Customer == nil {
		return ""
	}
	return e.Data.Customer.UserID
}

func (e *appEvent) words() string {
	out := e.Type + " from " + e.KassaProvider + ":"
	if p := e.Data.Payment; p != nil {
		out += fmt.Sprintf(" %s %s,", p.Amount, p.Currency)
	}
	if s := e.Data.Subscription; s != nil && s.Plan != "" {
		out += fmt.Sprintf(" plan %s, price %s,", s.Plan, s.Price)
	}
	return out + " user " + e.of()
}

func appEvents(ctx context.Context) ([]appEvent, error) {
	var list struct{ Events []appEvent }
	body, err := call(ctx, http.MethodGet, appURL+"/events", "", "", nil)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	return list.Events, err
}

// awaitEvent waits until the application has an event of the type for the user, and shows it.
func (s *stage) awaitEvent(ctx context.Context, kind, user string) (*appEvent, error) {
	var found *appEvent
	err := s.await(ctx, kind+" at the application", func() (bool, error) {
		events, err := appEvents(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // the application may just be restarting
		}
		for i, e := range events {
			if e.Type == kind && e.of() == user {
				found = &events[i]
			}
		}
		return found != nil, nil
	})
	if err != nil {
		return nil, err
	}
	fmt.Println(" ", found.words())
	return found, nil
}
