package checkoutserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
)

func isRefusal(err error) bool {
	_, is := errors.AsType[*provider.RefusalError](err)
	return is
}

// outcome is the metrics' name for what became of a request to a provider.
func outcome(err error, ok string) string {
	switch {
	case err == nil:
		return ok
	case isRefusal(err):
		return "refused"
	default:
		return provider.ClassOf(err).String()
	}
}

// opCheckout is what opening a checkout is called.
const opCheckout = "checkout"

// refusal is the answer for what a provider could not do. What is the operator's to mend is logged.
func (s *Server) refusal(c *call, at *site, operation string, err error) *answer {
	if refused, ok := errors.AsType[*provider.RefusalError](err); ok {
		sentence := strings.TrimRight(refused.Error(), ".") + "."
		return problem(http.StatusUnprocessableEntity, "refused", "The provider cannot do that", sentence)
	}
	if errors.Is(err, provider.ErrPaid) {
		return alreadyPaid()
	}
	class := provider.ClassOf(err)
	if class != provider.ClassConflict {
		s.complaints.about(complaint{at.Key(), operation, class}, func() {
			s.log.Warn("a provider did not do what was asked", "request", c.id, "provider", at.Key(), "operation", operation,
				"class", class.String(), "error", serving.Brief(provider.Anonymous(err, c.user.ID, c.user.Email)),
				"atMostEvery", complainEvery.String())
		})
	}
	switch class {
	case provider.ClassConflict:
		if operation == opCheckout { // there is no subscription yet
			return providerUnavailable(provider.RetryAfter(err))
		}
		return conflict()
	case provider.ClassRateLimited, provider.ClassUnavailable, provider.ClassCredentials:
		return providerUnavailable(provider.RetryAfter(err))
	default:
		return providerRefused()
	}
}

// complaints bounds how often each trouble is logged, so that a mistake in one provider's settings is not hidden by
// what else goes wrong. There are as many as providers, operations and classes at most. The zero value is ready.
type complaints struct {
	seldom sync.Map // complaint: *rate.Sometimes
}

type complaint struct {
	provider, operation string
	class               provider.Class
}

func (c *complaints) about(what complaint, say func()) {
	seldom, _ := c.seldom.LoadOrStore(what, &rate.Sometimes{First: 1, Interval: complainEvery})
	seldom.(*rate.Sometimes).Do(say)
}

// within bounds what is asked of a provider for one request, and goes on when the client hangs up: a change that is
// half known is worse than one that is made.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), workLimit)
}
