package testevent

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Facts are what a test event tells. Ids that are empty are made up.
type Facts struct {
	// Mark makes the event's id, and those that are made up, its own; see NewMark.
	Mark         string
	Now          time.Time
	Mode         billing.Mode
	Money        billing.Money
	Customer     string
	Email        string
	UserID       string
	Subscription string
	PriceID      string
	ProductID    string
	StoreID      string // LemonSqueezy only
}

// NewMark is one that nobody has had.
func NewMark() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// defaultEmail is nobody's: the domain is reserved.
const defaultEmail = "kassa-trigger@example.com"

// values are the facts by the names that shapes have for them.
func (f Facts) values(p billing.Provider) (map[string]any, error) {
	out := map[string]any{
		"live": f.Mode == billing.Live, "test": f.Mode != billing.Live, "email": defaultEmail,
		"metadata": map[string]any{}, "currency": string(f.Money.Currency), "amount": f.Money.Minor,
	}
	if f.Email != "" {
		out["email"] = f.Email
	}
	if f.UserID != "" {
		out["userID"] = f.UserID
		out["metadata"] = map[string]any{billing.MetadataUserID: f.UserID}
	}
	moments := map[string]time.Time{"now": f.Now, "soon": f.Now.AddDate(0, 0, 3), "later": f.Now.AddDate(0, 1, 0)}
	for name, at := range moments {
		out[name] = at.UTC().Format("2006-01-02T15:04:05.000000Z")
		if p == billing.Stripe {
			out[name] = at.Unix()
		}
	}
	switch p {
	case billing.Stripe:
		out["currency"] = strings.ToLower(string(f.Money.Currency))
	case billing.Paddle:
		out["amount"] = strconv.FormatInt(f.Money.Minor, 10)
	case billing.LemonSqueezy:
		return out, f.number(out)
	}
	f.name(out, prefixes[p])
	return out, nil
}

// prefixes are how providers' ids begin.
var prefixes = map[billing.Provider]map[string]string{
	billing.Stripe: {
		"customer": "cus", "subscription": "sub", "price": "price", "product": "prod", "invoice": "in", "payment": "pi",
		"charge": "ch", "checkout": "cs", "dispute": "dp", "discount": "di", "item": "si", "line": "il",
	},
	billing.Paddle: {
		"customer": "ctm", "subscription": "sub", "price": "pri", "product": "pro", "payment": "txn", "refund": "adj",
		"discount": "dsc", "address": "add", "notification": "ntf", "attempt": "att",
	},
}

func (f Facts) given() map[string]string {
	return map[string]string{
		"customer": f.Customer, "subscription": f.Subscription, "price": f.PriceID, "product": f.ProductID,
	}
}

// name gives ids that are texts.
func (f Facts) name(out map[string]any, prefixes map[string]string) {
	given := f.given()
	for name, prefix := range prefixes {
		out[name] = prefix + "_kassa_trigger_" + f.Mark
		if given[name] != "" {
			out[name] = given[name]
		}
	}
}

// firstNumber is above what LemonSqueezy has counted to, so that what is made up is nobody's.
const firstNumber = 9_000_000_000_000

// number gives ids that are numbers, and LemonSqueezy's texts of them.
func (f Facts) number(out map[string]any) error {
	base, ok := new(big.Int).SetString(f.Mark, 16)
	if !ok {
		return fmt.Errorf("%q is no mark", f.Mark)
	}
	next := firstNumber + new(big.Int).Mod(base, big.NewInt(100_000_000_000)).Int64()*10
	given := f.given()
	given["store"] = f.StoreID
	for _, name := range []string{
		"customer", "subscription", "price", "product", "invoice", "checkout", "item", "line", "store",
	} {
		id := next
		next++
		if text := given[name]; text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return fmt.Errorf("%s %q: LemonSqueezy's ids are numbers", name, text)
			}
			id = n
		}
		out[name], out[name+"Text"] = id, strconv.FormatInt(id, 10)
	}
	return nil
}
