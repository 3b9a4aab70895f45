package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// endpoint is a CheckoutEndpoint as the application's server calls it. Only the server has the token: whoever has it
// is every user.
type endpoint struct {
	url, token string
	http       http.Client
}

// user is whom the application has signed in.
type user struct{ id, email string }

// subscription is what the shop shows of one.
type subscription struct {
	ID, Provider, Status, Plan, Price string
	CurrentPeriodEnd                  time.Time
	CancelAtPeriodEnd                 bool
}

// checkout opens a checkout and returns the address of the provider's page. It names a price and no amount.
func (e *endpoint) checkout(ctx context.Context, who user, plan, price, currency string) (string, error) {
	in := map[string]string{"plan": plan, "price": price}
	if currency != "" {
		in["currency"] = currency
	}
	var opened struct{ URL string }
	err := e.call(ctx, who, http.MethodPost, "/v1/checkouts", in, &opened)
	return opened.URL, err
}

func (e *endpoint) subscriptions(ctx context.Context, who user) ([]subscription, error) {
	var list struct{ Subscriptions []subscription }
	err := e.call(ctx, who, http.MethodGet, "/v1/subscriptions", nil, &list)
	return list.Subscriptions, err
}

// change cancels or resumes a subscription. One that is not the user's is answered 404.
func (e *endpoint) change(ctx context.Context, who user, id, action string) error {
	return e.call(ctx, who, http.MethodPost, "/v1/subscriptions/"+url.PathEscape(id)+"/"+action, struct{}{}, nil)
}

// problem is an answer that says what is wrong; RFC 9457.
type problem struct {
	Status        int
	Title, Detail string
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

func (e *endpoint) call(ctx context.Context, who user, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Kassa-User-Id", who.id)
	req.Header.Set("Kassa-User-Email", who.email)
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the shop: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("asking the shop: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		p := &problem{Status: resp.StatusCode, Title: resp.Status}
		_ = json.Unmarshal(answer, p) // what is no problem document keeps the status
		return p
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
