package main

import (
	"bytes"
	"context"
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
	// A paid checkout redirects to a shop that does not exist.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends a form. An answer of 400 or more is an error.
func post(ctx context.Context, address, authorization string, form url.Values) ([]byte, error) {
	return call(ctx, http.MethodPost, address, authorization, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func call(
	ctx context.Context, method, address, authorization, contentType string, body []byte,
) (answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	for name, value := range map[string]string{"Authorization": authorization, "Content-Type": contentType} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := web.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: HTTP %d: %.200s", method, address, resp.StatusCode, answer)
	}
	return answer, nil
}
