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

const (
	// sandboxKey is the key in config/samples/20-stripe.yaml.
	sandboxKey = "sk_test_sandbox"
	// asShop is who the shop's own server is to the sandbox.
	asShop = "Bearer " + sandboxKey
)

var web = &http.Client{
	Timeout: 10 * time.Second,
	// A connection for each request, so that replicas answer in turn.
	Transport: &http.Transport{DisableKeepAlives: true},
	// Where a page leads to is looked at, not followed.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// refusedError is an answer of 400 or more.
type refusedError struct {
	status  int
	message string // for people, where there is one
	request string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s: HTTP %d: %s", e.request, e.status, e.message)
}

// post sends a form.
func post(ctx context.Context, address, authorization string, form url.Values) ([]byte, error) {
	return call(ctx, http.MethodPost, address, authorization, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func call(ctx context.Context, method, address, authorization, contentType string, body []byte) ([]byte, error) {
	header := http.Header{}
	for name, value := range map[string]string{"Authorization": authorization, "Content-Type": contentType} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return send(ctx, method, address, header, body)
}

// send returns the answer's body. An answer of 400 or more is a refusedError.
func send(ctx context.Context, method, address string, header http.Header, body []byte) (answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Accept", "application/json")
	resp, err := web.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, &refusedError{resp.StatusCode, messageOf(answer), method + " " + address}
	}
	return answer, nil
}

// messageOf is what a problem document, or a hosted page, says to people.
func messageOf(answer []byte) string {
	var said struct {
		Detail string
		Error  struct{ Message string }
	}
	_ = json.Unmarshal(answer, &said) // anything else is shown as it is
	switch {
	case said.Detail != "":
		return said.Detail
	case said.Error.Message != "":
		return said.Error.Message
	default:
		return fmt.Sprintf("%.200s", answer)
	}
}
