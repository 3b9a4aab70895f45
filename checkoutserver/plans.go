package checkoutserver

import (
	"net/http"
	"slices"

	"github.com/kassa-dev/kassa/internal/storefront"
)

// plan is one of GET /v1/plans. Amounts are in minor units, as the providers count them.
type plan struct {
	Name         string   `json:"name"`
	DisplayName  string   `json:"displayName"`
	Description  string   `json:"description,omitempty"`
	Features     []string `json:"features,omitempty"`
	ImageURL     string   `json:"imageURL,omitempty"`
	UnitLabel    string   `json:"unitLabel,omitempty"`
	DefaultPrice string   `json:"defaultPrice,omitempty"`
	Prices       []price  `json:"prices"`
}

type price struct {
	Name        string                `json:"name"`
	DisplayName string                `json:"displayName,omitempty"`
	Currency    string                `json:"currency"`
	Amounts     []storefront.Amount   `json:"amounts,omitempty"`
	Tiers       *storefront.Tiers     `json:"tiers,omitempty"`
	Recurring   *storefront.Recurring `json:"recurring,omitempty"`
	TrialDays   int                   `json:"trialDays,omitempty"`
	Tax         string                `json:"tax,omitempty"`
	Metered     bool                  `json:"metered,omitempty"`
	Unavailable bool                  `json:"unavailable,omitempty"`
}

// listPlans is GET /v1/plans: what is for sale, and nothing of where and by which ids. A price that no provider can
// sell before somebody has acted is there and says so: a plan that comes and goes looks like one that is no longer
// sold. What a provider does not answer just now is not told at all, since the next purchase may find it back.
func (s *Server) listPlans(c *call) *answer {
	out := struct {
		Plans []plan `json:"plans"`
	}{Plans: []plan{}}
	for _, p := range c.cfg.doc.Plans {
		shown := plan{
			Name: p.Name, DisplayName: p.DisplayName, Description: p.Description, Features: p.Features,
			ImageURL: p.ImageURL, UnitLabel: p.UnitLabel, DefaultPrice: p.DefaultPrice,
		}
		for _, q := range p.Prices {
			price := priceOf(q)
			price.Unavailable = !c.cfg.sells(&q)
			shown.Prices = append(shown.Prices, price)
		}
		if len(shown.Prices) > 0 {
			out.Plans = append(out.Plans, shown)
		}
	}
	c.w.Header().Set("Cache-Control", "public, max-age=5")
	return jsonAnswer(http.StatusOK, out)
}

// sells says that at least one provider that checkouts go to can sell the price.
func (c *settings) sells(p *storefront.Price) bool {
	return slices.ContainsFunc(p.At, func(at storefront.At) bool {
		s := c.site(at.Provider)
		return s != nil && s.Weight > 0 && s.sells()
	})
}

func priceOf(p storefront.Price) price {
	out := price{
		Name: p.Name, DisplayName: p.DisplayName, Currency: string(p.Currency), Amounts: p.Amounts,
		Recurring: p.Recurring, Tax: string(p.Tax), Metered: p.Metered, Tiers: p.Tiers,
	}
	if p.Trial != nil {
		out.TrialDays = p.Trial.Days
	}
	return out
}
