package checkoutserver

import (
	"net/http"

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
}

// listPlans is GET /v1/plans: what can be bought now, and nothing of where and by which ids.
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
			shown.Prices = append(shown.Prices, priceOf(q))
		}
		if len(shown.Prices) > 0 {
			out.Plans = append(out.Plans, shown)
		}
	}
	c.w.Header().Set("Cache-Control", "public, max-age=5")
	return jsonAnswer(http.StatusOK, out)
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
