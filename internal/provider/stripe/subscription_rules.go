package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kassa-dev/kassa/internal/provider"
)

// rulesOf says that Stripe does not do a change by its rules, in words of Kassa's own: Stripe's are for developers.
// That the price is not there is none of them, and the account's owner has to mend it.
func rulesOf(err error, s *subscription) (reason string, refused bool) {
	var e *provider.Error
	switch {
	case unpayable(err):
		return "has no payment method for this subscription: add one in the customer portal and try again", true
	case !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Class != provider.ClassTerminal:
		return "", false
	case strings.HasPrefix(e.Param, "items[") && strings.HasSuffix(e.Param, "[quantity]"):
		return "does not sell this quantity of the price", true
	case strings.HasPrefix(e.Param, "items") || e.Param == "currency":
		return fmt.Sprintf("cannot move this subscription to the price: it is charged in %s, in which the price must have "+
			"an amount and be on sale", strings.ToUpper(s.Currency)), true
	}
	return "", false
}

// unpayable says that there is nothing to charge. Stripe calls it a missing resource, and names no parameter.
func unpayable(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && e.Class == provider.ClassNotFound && e.Param == ""
}
