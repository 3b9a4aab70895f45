package checkoutserver

import (
	"context"
	"errors"
	"net/http"

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
func (s *Server) refusal(at *site, operation string, err error) *answer {
	if refused, ok := errors.AsType[*provider.RefusalError](err); ok {
		return problem(http.StatusUnprocessableEntity, "refused", "The provider cannot do that", refused.Error()+".")
	}
	if errors.Is(err, provider.ErrPaid) {
		return alreadyPaid()
	}
	class := provider.ClassOf(err)
	if class != provider.ClassNotFound && class != provider.ClassConflict {
		s.complain.Do(func() {
			s.log.Warn("a provider did not do what was asked", "provider", at.Key(), "operation", operation,
				"class", class.String(), "error", serving.Brief(err), "atMostEvery", complainEvery.String())
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

// within bounds what is asked of a provider for one request, and goes on when the client hangs up: a change that is
// half known is worse than one that is made.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), workLimit)
}
