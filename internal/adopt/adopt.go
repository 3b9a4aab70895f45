// Package adopt writes an account's catalogue as Plans that take it over. It is pure: the same catalogue gives the same
// bytes. Where money is at stake it writes what is there or nothing: a price that a Plan cannot express is left out,
// and left alone by whoever applies the Plan.
package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Options of an import.
type Options struct {
	// Provider is the PaymentProvider, as it is written.
	Provider *v1alpha1.PaymentProvider
	// Namespace is written into the objects, where it is not empty.
	Namespace string
	Adapter   provider.Adapter
	// Rules are those of the account.
	Rules      catalog.Rules
	Management v1alpha1.Management
	// Archived takes archived products and prices, too.
	Archived bool
	// Existing are the Plans of the namespace, as far as they are known. No other product gets the name of one.
	Existing []v1alpha1.Plan
}

// Import is what came of a catalogue.
type Import struct {
	Documents []Document
	// Notices name what is left out, or cut, one sentence each.
	Notices []string
	// Plans and Prices count what was written, and LeftOut products that are no Plan, and prices of those that are.
	Plans, Prices, LeftOut int
}

// Document is one file.
type Document struct {
	File    string
	Content []byte
}

// maxPrices is how many prices a Plan has.
const maxPrices = 50

// Of writes a catalogue.
func Of(snap *provider.Snapshot, o Options) (*Import, error) {
	w := &writer{Options: o, taken: names{}}
	w.reserve(snap.Products)
	products, orphans := arrange(snap)
	for _, p := range products {
		if err := w.product(p); err != nil {
			return nil, err
		}
	}
	for _, p := range orphans {
		w.leave(p.ID, "", "its product "+p.ProductID+" is not in the catalogue")
	}
	if err := w.provider(); err != nil {
		return nil, err
	}
	return &w.Import, nil
}

// arrange puts prices to their products, the oldest first. The age of a product is that of its first price: no provider
// tells another.
func arrange(snap *provider.Snapshot) (products []billing.Observed, orphans []billing.Price) {
	index := map[string]int{}
	for i := range snap.Products {
		index[snap.Products[i].ID] = len(products)
		products = append(products, billing.Observed{Product: &snap.Products[i]})
	}
	prices := slices.Clone(snap.Prices)
	slices.SortFunc(prices, func(a, b billing.Price) int {
		return cmp.Or(a.Created.Compare(b.Created), compareIDs(a.ID, b.ID))
	})
	for _, p := range prices {
		if i, ok := index[p.ProductID]; ok {
			products[i].Prices = append(products[i].Prices, p)
		} else {
			orphans = append(orphans, p)
		}
	}
	age := func(o billing.Observed) time.Time {
		if len(o.Prices) == 0 {
			return time.Time{}
		}
		return o.Prices[0].Created
	}
	slices.SortFunc(products, func(a, b billing.Observed) int {
		return cmp.Or(age(a).Compare(age(b)), compareIDs(a.Product.ID, b.Product.ID))
	})
	return products, orphans
}

// compareIDs takes the ids of a provider that counts its objects for numbers.
func compareIDs(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

type writer struct {
	Options
	Import

	taken   names
	adopted map[string]string // the names of the Plans that have a product already, by its id
	absent  []string          // what is in no Plan, for the PaymentProvider's comment
}

// leave notes something that is in no Plan.
func (w *writer) leave(id, name, why string) {
	if name != "" {
		id += " (" + plain(name) + ")"
	}
	w.LeftOut++
	w.absent = append(w.absent, id+": "+why)
	w.Notices = append(w.Notices, id+" is left out: "+why)
}

// product writes one product, if it can be a Plan.
func (w *writer) product(have billing.Observed) error {
	p := have.Product
	switch {
	case !p.Active && !w.Archived:
		return nil
	case p.Owner.Identifies():
		w.leave(p.ID, p.Spec.Name, fmt.Sprintf("it belongs to Plan %s/%s (cluster %s)", p.Owner.Namespace, p.Owner.Name,
			p.Owner.Cluster))
		return nil
	}
	d := &draft{writer: w, have: have, names: names{}}
	d.spec, d.notes = describe(p, w.Adapter)
	if len(p.Beyond) > 0 {
		d.notef("a Plan has no place for %s of the product, which Kassa leaves as it is", said(p.Beyond))
	}
	adoption := &v1alpha1.Adopt{ProductID: p.ID}
	d.spec.Providers = []v1alpha1.PlanProvider{{Name: w.Provider.Name, Adopt: adoption}}
	for _, price := range d.inOrder() {
		d.price(&price)
	}
	if len(d.spec.Prices) == 0 {
		why := "it has no price"
		if len(d.notes) > 0 {
			why = "it has no price that a Plan can have; " + d.notes[len(d.notes)-1]
		}
		w.leave(p.ID, p.Spec.Name, why)
		return nil
	}
	d.spec.Management = w.Management
	if d.archived = d.archived || !p.Active; d.archived && w.Management == v1alpha1.ManagementEnforce {
		d.spec.Management = v1alpha1.ManagementObserve
		d.notef("some of it is archived, and Enforce would put that on sale again, so management is Observe")
	}
	if err := d.check(); err != nil {
		return err
	}
	name := w.adopted[p.ID]
	if name == "" {
		name = w.taken.give(p.ID, cmp.Or(slug(p.Spec.Name), slug(p.ID), "product"))
	}
	for _, note := range d.notes {
		w.Notices = append(w.Notices, fmt.Sprintf("Plan %s, %s: %s", name, p.ID, note))
	}
	w.Plans++
	w.LeftOut += d.left
	w.Prices += len(d.spec.Prices)
	return w.write("plan-"+name+".yaml", "Plan", name, d.spec, d.notes)
}

// draft is a Plan that is being written.
type draft struct {
	*writer

	have     billing.Observed
	spec     v1alpha1.PlanSpec
	names    names
	notes    []string
	left     int // prices
	archived bool
}

func (d *draft) notef(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// price adds one price, if the Plan can have it.
func (d *draft) price(p *billing.Price) {
	leave := func(why string) {
		d.left++
		d.notef("price %s is left out, and left as it is: %s", p.ID, why)
	}
	switch {
	case !p.Active && d.have.Product.Active && !d.Archived:
		return
	case p.Owner.Identifies():
		leave(fmt.Sprintf("it belongs to Plan %s/%s (cluster %s)", p.Owner.Namespace, p.Owner.Name, p.Owner.Cluster))
		return
	case len(d.spec.Prices) == maxPrices:
		leave(fmt.Sprintf("a Plan has at most %d prices", maxPrices))
		return
	}
	// Only a price that is taken gets a name.
	probe, err := priceOf("price", p)
	if err == nil {
		err = d.fits(probe, p.ID)
	}
	if err != nil {
		leave(err.Error())
		return
	}
	name := d.names.give(p.ID, labelsOf(p)...)
	price, _ := priceOf(name, p)
	d.beyond(name, p)
	if short := cut(price.DisplayName, maxPriceName); short != price.DisplayName {
		price.DisplayName = short
		d.notef("prices[%s].displayName: cut to %d characters", name, maxPriceName)
	}
	if !p.Active && d.have.Product.Active {
		d.archived = true
		d.notef("prices[%s] is archived", name)
	}
	if p.ID == d.have.Product.DefaultPriceID {
		d.spec.DefaultPrice = name
	}
	d.spec.Prices = append(d.spec.Prices, price)
	adoption := d.spec.Providers[0].Adopt
	adoption.Prices = append(adoption.Prices, v1alpha1.AdoptPrice{Name: name, ID: p.ID})
}

// beyond notes what an imported price has and a Plan's has not. Nobody got a trial of the price's own by itself, and an
// import changes nothing of what is sold.
func (d *draft) beyond(name string, p *billing.Price) {
	if len(p.Beyond) > 0 {
		later := ", and a price that takes its place does not get it"
		if d.Rules.Traits.ReadOnly {
			later = ""
		}
		d.notef("prices[%s]: a Plan has no place for %s; %s keeps it%s", name, said(p.Beyond), p.ID, later)
	}
	switch {
	case p.OwnTrial == 0:
	case p.OwnTrial <= maxTrial:
		d.notef("prices[%s].trial: the %d days that the price names are left out, as %s gives them to nobody by itself; "+
			"write `trial: {days: %[2]d}` for Kassa's checkouts to give them to every buyer", name, p.OwnTrial, d.Adapter.Type())
	default:
		d.notef("prices[%s].trial: the %d days that the price names are left out, because a Plan's trial has at most %d",
			name, p.OwnTrial, maxTrial)
	}
}

// said are words of the provider's, on one line.
func said(beyond []string) string { return plain(cut(strings.Join(beyond, ", "), maxDescription)) }

// fits says why the provider would be refused a Plan with that price.
func (d *draft) fits(p v1alpha1.Price, id string) error {
	spec := v1alpha1.PlanSpec{DisplayName: "probe", Prices: []v1alpha1.Price{p}}
	at := &v1alpha1.PlanProvider{Adopt: &v1alpha1.Adopt{
		ProductID: d.have.Product.ID, Prices: []v1alpha1.AdoptPrice{{Name: p.Name, ID: id}},
	}}
	want, err := desired.Plan(billing.Owner{}, &spec, at)
	if err == nil {
		_, _, err = provider.Fit(d.Adapter, want)
	}
	return err
}

// check compares what was written with what is there: what differs is noted, whatever the reason.
func (d *draft) check() error {
	want, err := desired.Plan(billing.Owner{Cluster: catalog.New, UID: catalog.New}, &d.spec, &d.spec.Providers[0])
	if err == nil {
		want, _, err = provider.Fit(d.Adapter, want)
	}
	if err != nil {
		return fmt.Errorf("product %s: %w", d.have.Product.ID, err)
	}
	differences, err := d.Rules.Compare(want, d.have)
	if err != nil {
		return fmt.Errorf("product %s: %w", d.have.Product.ID, err)
	}
	for _, diff := range differences {
		d.notef("differs in %s: at the provider %s", diff.Field, cmp.Or(plain(cut(diff.Got, 80)), "nothing"))
	}
	return nil
}

// inOrder are the product's prices, the oldest first. Where they are too many, the default comes first.
func (d *draft) inOrder() []billing.Price {
	i := slices.IndexFunc(d.have.Prices, func(p billing.Price) bool { return p.ID == d.have.Product.DefaultPriceID })
	if i < 0 || len(d.have.Prices) <= maxPrices {
		return d.have.Prices
	}
	return slices.Concat(d.have.Prices[i:i+1], d.have.Prices[:i], d.have.Prices[i+1:])
}
