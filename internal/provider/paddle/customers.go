package paddle

import (
	"context"
	"regexp"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

var customerIDs = regexp.MustCompile(`^ctm_[a-z0-9]{26}$`)

// customers finds those with the address. It is of one customer at most, unless Paddle's rules change.
func (c *connection) customers(ctx context.Context, email string) (out []paddle.Customer, err error) {
	const op = "list customers"
	if !listable(email) {
		return nil, nil
	}
	ctx, _ = withCall(ctx, op)
	list, err := c.sdk.ListCustomers(ctx, &paddle.ListCustomersRequest{
		Email: spellings(email), Status: allStates, OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(pageSize),
	})
	if err != nil {
		return nil, asError(op, err)
	}
	err = list.IterErr(ctx, func(p *paddle.Customer) error {
		if !isCustomer(p) {
			return errUnexpected
		}
		if billing.SameEmail(p.Email, email) {
			out = append(out, *p)
		}
		return nil
	})
	if err != nil {
		return nil, asError(op, err)
	}
	return out, nil
}

// spellings are what the filter, which counts letter by letter, is asked for: the address in small letters, as Kassa
// makes customers, and as it is written. One element because the API wants one list with commas.
func spellings(email string) []string {
	lower := billing.LowerEmail(email)
	if lower == email {
		return []string{email}
	}
	return []string{lower + "," + email}
}

// listable says that a filter can name the address: a comma would make two of it.
func listable(email string) bool { return email != "" && !strings.Contains(email, ",") }

// customerFor is whose name the checkout is filled in with, or "" where the buyer has to type an address: it is not
// known, Paddle does not take it, or its customer is archived. Only an account that cannot be reached is an error.
func (c *connection) customerFor(ctx context.Context, email string) (string, error) {
	if !listable(email) {
		return "", nil
	}
	found, err := c.customers(ctx, email)
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return activeCustomer(found), nil
	}
	const op = "create customer"
	call, _ := withCall(ctx, op)
	made, err := c.sdk.CreateCustomer(call, &paddle.CreateCustomerRequest{Email: billing.LowerEmail(email)})
	if err == nil && !isCustomer(made) {
		err = errUnexpected
	}
	if err == nil {
		return made.ID, nil
	}
	switch err = asError(op, err); codeOf(err) {
	case "customer_already_exists": // somebody else has just made it
		found, err = c.customers(ctx, email)
		return activeCustomer(found), err
	case "customer_email_invalid", "customer_email_domain_not_allowed", "invalid_field":
		return "", nil
	default:
		return "", err
	}
}

func activeCustomer(found []paddle.Customer) string {
	for _, p := range found {
		if p.Status == paddle.StatusActive {
			return p.ID
		}
	}
	return ""
}

func isCustomer(p *paddle.Customer) bool {
	return p != nil && customerIDs.MatchString(p.ID) && p.Email != "" && isState(p.Status)
}
