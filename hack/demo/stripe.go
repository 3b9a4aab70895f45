package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const receiverURL = "http://stripe-receiver.shop.svc/stripe"

// demoSecret signs the demo's own event when Stripe cannot reach this machine.
var demoSecret = "whsec_" + rand.Text()

func stripeManifests(key, public string) string {
	address, registration, secret := public, "managed: {}", ""
	if public == "" {
		address, registration = receiverURL, "manual: {signingSecretRef: {name: demo-signing}}"
		secret = fmt.Sprintf(`---
apiVersion: v1
kind: Secret
metadata: {name: demo-signing, namespace: shop}
stringData: {signing-secret: %q}
`, demoSecret)
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: stripe-api, namespace: shop}
stringData: {api-key: %q}
---
apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata: {name: stripe, namespace: shop}
spec:
  mode: Test
  stripe: {apiKeySecretRef: {name: stripe-api, key: api-key}}
---
apiVersion: billing.kassa.dev/v1alpha1
kind: WebhookReceiver
metadata: {name: stripe, namespace: shop}
spec:
  providerRef: {name: stripe}
  url: %q
  registration: {%s}
  delivery:
    sinks: [{name: app, http: {uri: "http://app.shop.svc/billing"}}]
%s`, key, address, registration, secret)
}

// sendSignedEvent plays Stripe: it signs an event as Stripe does and sends it to the receiver.
func sendSignedEvent(ctx context.Context, s *stage) error {
	heading("Stripe cannot reach this machine (DEMO_PUBLIC_URL is not set), so the demo signs an event itself")
	proxy, err := url.Parse(s.node.ProxyURL())
	if err != nil {
		return err
	}
	inside := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	now := time.Now().Unix()
	body := fmt.Appendf(nil, `{"id":"evt_demo_%d","object":"event","api_version":"2023-10-16","created":%d,`+
		`"livemode":false,"type":"customer.created","data":{"object":{"id":"cus_demo","object":"customer"}}}`, now, now)
	mac := hmac.New(sha256.New, []byte(demoSecret))
	_, _ = fmt.Fprintf(mac, "%d.%s", now, body)
	return s.await(ctx, "the receiver to take the event", func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, receiverURL, bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", now, hex.EncodeToString(mac.Sum(nil))))
		resp, err := inside.Do(req)
		if err != nil {
			return false, nil //nolint:nilerr // a replica may just be starting
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
}
