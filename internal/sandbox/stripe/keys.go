package stripe

import (
	"errors"
	"net/http"
	"strings"
)

// Key says which account and mode an API key addresses, where its text would say something else.
type Key struct {
	// Account is the account's id (acct_…); empty derives one from the key.
	Account string
	// Live is the mode of everything that the key reads and writes, whatever its prefix.
	Live bool
}

// authenticate returns the account that the request's key addresses.
func (s *Server) authenticate(r *http.Request) (*account, *apiError) {
	key, given := bearer(r)
	if !given {
		return nil, unauthorized("", "You did not provide an API key. You need to provide your API key in the "+
			"Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "+
			"https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.")
	}
	return s.resolve(key)
}

func bearer(r *http.Request) (key string, ok bool) {
	if user, _, basic := r.BasicAuth(); basic {
		return user, user != ""
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	return key, strings.EqualFold(scheme, "Bearer") && key != ""
}

func (s *Server) resolve(key string) (*account, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked[key] {
		return nil, unauthorized("api_key_expired", "Expired API Key provided: "+redact(key))
	}
	at, err := s.opt.meaning(key)
	if err != nil {
		return nil, err
	}
	return s.accountLocked(at), nil
}

// meaning is the account and mode of a key: as listed, or by its text.
func (o *Options) meaning(key string) (Key, *apiError) {
	at, listed := o.Keys[key]
	if !listed {
		prefix, rest := splitPrefix(key)
		switch prefix {
		case "pk_test_", "pk_live_":
			return Key{}, unauthorized("secret_key_required", "This API call cannot be made with a publishable API key. "+
				"Please use a secret API key. You can find a list of your API keys at "+
				"https://dashboard.stripe.com/account/apikeys.")
		case "sk_live_", "rk_live_":
			at.Live = true
		case "sk_test_", "rk_test_":
		default:
			rest = ""
		}
		if rest == "" {
			return Key{}, unauthorized("", "Invalid API Key provided: "+redact(key))
		}
	}
	if at.Account == "" {
		at.Account = accountID(key)
	}
	return at, nil
}

// splitPrefix splits sk_test_abc into sk_test_ and abc.
func splitPrefix(key string) (prefix, rest string) {
	parts := strings.SplitN(key, "_", 3)
	if len(parts) < 3 {
		return "", key
	}
	return parts[0] + "_" + parts[1] + "_", parts[2]
}

// redact shows a key as Stripe's errors do: its prefix and its last four characters.
func redact(key string) string {
	prefix, rest := splitPrefix(key)
	if prefix == "" && len(rest) > 4 {
		prefix, rest = rest[:min(3, len(rest)-4)], rest[min(3, len(rest)-4):]
	}
	if len(rest) <= 4 {
		return prefix + strings.Repeat("*", len(rest))
	}
	return prefix + strings.Repeat("*", len(rest)-4) + rest[len(rest)-4:]
}

// Revoke makes a key invalid, as if it had been rolled or expired; with false it is valid again.
func (s *Server) Revoke(key string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revoked {
		s.revoked[key] = true
	} else {
		delete(s.revoked, key)
	}
}

// Roll makes a key one of the account that another addresses, which goes on until it is revoked.
func (s *Server) Roll(from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, refusal := s.opt.meaning(from)
	if refusal != nil {
		return errors.New("that is no key: " + redact(from))
	}
	keys := map[string]Key{to: at} // the options may be somebody else's as well
	for key, meaning := range s.opt.Keys {
		if key != to {
			keys[key] = meaning
		}
	}
	s.opt.Keys = keys
	return nil
}
