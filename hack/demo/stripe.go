package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // the manifests
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/template"
	"time"
)

const receiverURL = "http://stripe-receiver.shop.svc/stripe"

// demoSecret signs the demo's own event when Stripe cannot reach this machine.
var demoSecret = "whsec_" + rand.Text()

//go:embed stripe.yaml
var stripeText string

var stripeManifests = template.Must(template.New("").Parse(stripeText))

// applyForStripe applies what the samples have for the sandbox. Stripe cannot reach this machine without a public
// address, so without one the receiver's secret is the demo's.
func applyForStripe(key, public string) act {
	return func(ctx context.Context, s *stage) error {
		heading("Applying a PaymentProvider for Stripe's test mode, a Plan, a receiver, a shop, an application")
		for _, file := range []string{"00-namespace", "50-app"} {
			if err := s.kubectl(ctx, "", "apply", "-f", "config/samples/"+file+".yaml"); err != nil {
				return err
			}
		}
		var text strings.Builder
		err := stripeManifests.Execute(&text, map[string]string{
			"Key": key, "Public": public, "Receiver": receiverURL, "Secret": demoSecret, "Shop": shopURL, "App": appURL,
		})
		if err != nil {
			return err
		}
		// Through standard input: a key on a command line shows in the machine's list of processes.
		return s.kubectl(ctx, text.String(), "apply", "-f", "-")
	}
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
