package webhookserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	// signingPrefix starts a key of Standard Webhooks in its written form.
	signingPrefix = "whsec_"
	// minSigningKey and maxSigningKey bound a key, in bytes, as Standard Webhooks says.
	minSigningKey = 24
	maxSigningKey = 64
	// maxSigningKeys bounds the keys of a rotation, and with them the work and the header.
	maxSigningKeys = 4
)

// secretView is a Secret as it is now.
type secretView struct {
	data map[string][]byte
	err  string // why there is no data: "does not exist"
}

// credentials are what a sink knows the receiver by.
type credentials struct {
	token string   // or ""
	keys  [][]byte // or none
}

// credentialsOf reads what the sink's Secrets hold. The error says which Secret and key is to be put right, and nothing
// of its value.
func credentialsOf(s v1alpha1.HTTPSink, secrets func(name string) secretView) (credentials, error) {
	var out credentials
	if ref := s.TokenSecretRef; ref != nil {
		value, err := valueOf(ref, secrets)
		if err != nil {
			return out, err
		}
		if !httpguts.ValidHeaderFieldValue(value) || strings.ContainsAny(value, " \t") {
			return out, keyError(ref, "is no token: it has white space or control characters")
		}
		out.token = value
	}
	if ref := s.SigningSecretRef; ref != nil {
		value, err := valueOf(ref, secrets)
		if err != nil {
			return out, err
		}
		if out.keys, err = signingKeys(value); err != nil {
			return out, keyError(ref, err.Error())
		}
	}
	return out, nil
}

func valueOf(ref *v1alpha1.SecretKeyReference, secrets func(name string) secretView) (string, error) {
	view := secrets(ref.Name)
	if view.err != "" {
		return "", fmt.Errorf("not sent: the Secret %s %s", ref.Name, view.err)
	}
	// A trailing line break, which is easily put into a Secret by accident, is no part of it.
	value := strings.TrimSpace(string(view.data[ref.Key]))
	if value == "" {
		return "", fmt.Errorf("not sent: the Secret %s has no key %s", ref.Name, ref.Key)
	}
	return value, nil
}

func keyError(ref *v1alpha1.SecretKeyReference, what string) error {
	return fmt.Errorf("not sent: the key %s of the Secret %s %s", ref.Key, ref.Name, what)
}

// signingKeys reads the keys of a Secret's value: one, or in a rotation several with white space between them. Each is
// base64 of 24 to 64 bytes, with or without whsec_ in front.
func signingKeys(value string) ([][]byte, error) {
	var out [][]byte
	for text := range strings.FieldsSeq(value) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, signingPrefix))
		if err != nil {
			return nil, errors.New("is no signing key: it is not whsec_ and base64")
		}
		if len(key) < minSigningKey || len(key) > maxSigningKey {
			return nil, fmt.Errorf("is no signing key: it has %d bytes and not %d to %d",
				len(key), minSigningKey, maxSigningKey)
		}
		out = append(out, key)
	}
	if len(out) > maxSigningKeys {
		return nil, fmt.Errorf("has more than %d signing keys", maxSigningKeys)
	}
	return out, nil
}

// set authenticates one attempt. The signature covers the time, so that a recorded request is worth nothing later.
func (c credentials) set(h http.Header, id string, body []byte, now time.Time) {
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
	if len(c.keys) == 0 {
		return
	}
	at := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(c.keys))
	for i, key := range c.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
}
