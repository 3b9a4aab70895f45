package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

// Person is whose data are erased. Exactly one of Customer, User and Email is set.
type Person struct {
	Customer string // the provider's id
	User     string // the application's own id
	Email    string
	Account  string // the provider's id of an account; empty: all accounts of the database
}

// Erased counts rows.
type Erased struct {
	Customers, Subscriptions, Deliveries, Payloads int64
}

// ErrAmbiguous: providers number customers by themselves, so two of them may have one id.
var ErrAmbiguous = errors.New("customers of several accounts have this id: name the account")

// errDry ends a transaction that is not to take effect.
var errDry = errors.New("dry run")

// Erase removes what tells who a person is: the email and the user's ids, and requests of the provider that are kept
// for sinks, with their deliveries. What was sold and paid stays, under the provider's ids. Versions stay as well, so
// that an old event which comes again does not bring the data back; a later one does. Nothing is changed in a dry run.
// The error has none of the database's words in it.
func Erase(ctx context.Context, conn *pgx.Conn, p Person, dry bool) (Erased, error) {
	p.Email = billing.LowerEmail(p.Email)
	var out Erased
	var err error
	for try := 1; try == 1 || again(err) && try <= eraseTries; try++ {
		out, err = eraseOnce(ctx, conn, p, dry)
	}
	switch {
	case err == nil, errors.Is(err, errDry):
		return out, nil
	case errors.Is(err, ErrAmbiguous):
		return Erased{}, ErrAmbiguous
	}
	return Erased{}, errors.New("erase: " + Brief(err))
}

// eraseTries is how often it is tried to erase a person while receivers write what they are told of the same one.
const eraseTries = 10

// again says that a transaction was ended for another one's sake, and may well take effect the next time.
func again(err error) bool {
	code := Code(err)
	return code == deadlock || code == unserializable
}

func eraseOnce(ctx context.Context, conn *pgx.Conn, p Person, dry bool) (out Erased, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		found, err := find(ctx, tx, p)
		if err != nil {
			return err
		}
		if out, err = found.erase(ctx, tx); err == nil && dry {
			err = errDry
		}
		return err
	})
	return out, err
}

// rowKeys are keys of rows, an array for each column.
type rowKeys struct{ providers, accounts, ids []string }

func (k *rowKeys) add(provider, account, id string) {
	k.providers, k.accounts, k.ids = append(k.providers, provider), append(k.accounts, account), append(k.ids, id)
}

// rowsOf are what belongs to a person.
type rowsOf struct {
	customers, subscriptions rowKeys
	orders                   rowKeys // whose ids are order keys of deliveries
	guest                    events  // that are about nobody else
}

// events are keys of events, an array for each column.
type events struct{ receivers, ids []string }

func (e *events) add(receiver, id string) {
	e.receivers, e.ids = append(e.receivers, receiver), append(e.ids, id)
}

// An address is compared as everywhere: the case of ASCII letters alone does not matter.
const findCustomersSQL = `
SELECT DISTINCT provider, account, id FROM (
	SELECT provider, account, id FROM kassa.customers
	WHERE id = $1 OR user_id <> '' AND user_id = $2 OR email <> ''
		AND TRANSLATE(email, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') = $3
	UNION ALL
	SELECT provider, account, customer_id FROM kassa.subscriptions
	WHERE customer_id <> '' AND (customer_id = $1 OR user_id <> '' AND user_id = $2)
	UNION ALL
	SELECT provider, account, customer_id FROM kassa.payments WHERE customer_id <> '' AND customer_id = $1
) AS c WHERE $4 = '' OR account = $4`

// Subscriptions of which only payments were told have no row, but events.
const findSubscriptionsSQL = `
SELECT DISTINCT provider, account, id FROM (
	SELECT s.provider, s.account, s.id FROM kassa.subscriptions s
	JOIN unnest($1::text[], $2::text[], $3::text[]) AS c (provider, account, id)
		ON s.provider = c.provider AND s.account = c.account AND s.customer_id = c.id
	UNION ALL
	SELECT p.provider, p.account, p.subscription_id FROM kassa.payments p
	JOIN unnest($1::text[], $2::text[], $3::text[]) AS c (provider, account, id)
		ON p.provider = c.provider AND p.account = c.account AND p.customer_id = c.id
	WHERE p.subscription_id <> ''
	UNION ALL
	SELECT provider, account, id FROM kassa.subscriptions WHERE user_id <> '' AND user_id = $4
		AND ($5 = '' OR account = $5)
) AS s`

func find(ctx context.Context, tx pgx.Tx, p Person) (rowsOf, error) {
	var out rowsOf
	customers, err := read(ctx, tx, findCustomersSQL, p.Customer, p.User, p.Email, p.Account)
	if err != nil {
		return out, err
	}
	if p.Customer != "" && len(customers.ids) > 1 {
		return out, ErrAmbiguous
	}
	out.customers = customers
	out.subscriptions, err = read(ctx, tx, findSubscriptionsSQL,
		customers.providers, customers.accounts, customers.ids, p.User, p.Account)
	if err != nil {
		return out, err
	}
	for i, id := range customers.ids {
		out.orders.add(customers.providers[i], customers.accounts[i], records.OrderKey("", id))
	}
	for i, id := range out.subscriptions.ids {
		out.orders.add(out.subscriptions.providers[i], out.subscriptions.accounts[i], records.OrderKey(id, ""))
	}
	if p.Email != "" {
		out.guest, err = findGuest(ctx, tx, p)
	}
	return out, err
}

func read(ctx context.Context, tx pgx.Tx, sql string, arguments ...any) (rowKeys, error) {
	var out rowKeys
	rows, err := tx.Query(ctx, sql, arguments...)
	if err != nil {
		return out, err
	}
	var provider, account, id string
	_, err = pgx.ForEachRow(rows, []any{&provider, &account, &id}, func() error {
		out.add(provider, account, id)
		return nil
	})
	return out, err
}

// The statements lock rows in the order in which receivers do: the events, one after the other, and then what belongs
// to them. An event whose deliveries go is given up.
const (
	lockEventsSQL = `
SELECT receiver, event_id FROM kassa.webhook_events
WHERE (event_id, receiver) IN (
	SELECT d.event_id, d.receiver
	FROM kassa.deliveries d JOIN kassa.webhook_events e ON e.event_id = d.event_id AND e.receiver = d.receiver
	JOIN unnest($1::text[], $2::text[], $3::text[]) AS o (provider, account, order_key)
		ON d.order_key = o.order_key AND e.provider = o.provider AND e.account = o.account
	UNION ALL
	SELECT event_id, receiver FROM unnest($4::text[], $5::text[]) AS guest (receiver, event_id)
)
ORDER BY event_id, receiver FOR NO KEY UPDATE`
	eraseDeliveriesSQL = `
DELETE FROM kassa.deliveries AS d USING unnest($1::text[], $2::text[]) AS e (receiver, event_id)
WHERE d.receiver = e.receiver AND d.event_id = e.event_id`
	giveUpSQL = `
UPDATE kassa.webhook_events AS t SET state = 'Dead', processed_at = now()
FROM unnest($1::text[], $2::text[]) AS e (receiver, event_id)
WHERE t.receiver = e.receiver AND t.event_id = e.event_id AND t.state = 'Deferred'`
	erasePayloadsSQL = `
DELETE FROM kassa.payloads AS t USING unnest($1::text[], $2::text[]) AS e (receiver, event_id)
WHERE t.receiver = e.receiver AND t.event_id = e.event_id`
	eraseCustomersSQL = `
UPDATE kassa.customers AS t SET email = '', user_id = ''
FROM unnest($1::text[], $2::text[], $3::text[]) AS c (provider, account, id)
WHERE t.provider = c.provider AND t.account = c.account AND t.id = c.id AND (t.email <> '' OR t.user_id <> '')`
	eraseSubscriptionsSQL = `
UPDATE kassa.subscriptions AS t SET user_id = ''
FROM unnest($1::text[], $2::text[], $3::text[]) AS s (provider, account, id)
WHERE t.provider = s.provider AND t.account = s.account AND t.id = s.id AND t.user_id <> ''`
)

func (r rowsOf) erase(ctx context.Context, tx pgx.Tx) (out Erased, err error) {
	rows, err := tx.Query(ctx, lockEventsSQL, append(r.orders.arguments(), r.guest.arguments()...)...)
	if err != nil {
		return out, err
	}
	var gone events
	var receiver, id string
	if _, err := pgx.ForEachRow(rows, []any{&receiver, &id}, func() error {
		gone.add(receiver, id)
		return nil
	}); err != nil {
		return out, err
	}
	var givenUp int64
	for _, s := range []struct {
		sql       string
		count     *int64
		arguments []any
	}{
		{eraseDeliveriesSQL, &out.Deliveries, gone.arguments()},
		{giveUpSQL, &givenUp, gone.arguments()},
		{erasePayloadsSQL, &out.Payloads, gone.arguments()},
		{eraseCustomersSQL, &out.Customers, r.customers.arguments()},
		{eraseSubscriptionsSQL, &out.Subscriptions, r.subscriptions.arguments()},
	} {
		tag, err := tx.Exec(ctx, s.sql, s.arguments...)
		if err != nil {
			return out, err
		}
		*s.count = tag.RowsAffected()
	}
	return out, nil
}

func (k rowKeys) arguments() []any { return []any{k.providers, k.accounts, k.ids} }

func (e events) arguments() []any { return []any{e.receivers, e.ids} }
