package validate

import (
	"slices"
	"sync"
)

// rules are in the order of their ids. An id is never used for something else: people ignore findings by it.
var rules = slices.Concat(readingRules, secretRules, transportRules, modeRules, referenceRules, checkoutRules,
	receiverRules, planRules)

var byID = sync.OnceValue(func() map[string]*Rule {
	out := map[string]*Rule{}
	for i := range rules {
		out[rules[i].ID] = &rules[i]
	}
	return out
})
