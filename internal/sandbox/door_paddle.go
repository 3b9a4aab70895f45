package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// paddleDashboard is the part of the door that does what a seller does in Paddle's dashboard.
func (s *Sandbox) paddleDashboard(mux *http.ServeMux) {
	mux.HandleFunc("POST /_kassa/paddle/keys", revoking(s.paddle.Revoke))
	mux.HandleFunc("POST /_kassa/paddle/list-lag", s.lagLists)
	mux.HandleFunc("POST /_kassa/paddle/cards", s.replacePaddleCard)
	mux.HandleFunc("POST /_kassa/paddle/custom-data", s.keepPaddleData)
	mux.HandleFunc("PUT /_kassa/paddle/checkout-settings", s.setPaddleCheckout)
	mux.HandleFunc("PATCH /_kassa/paddle/products/{id}", s.editPaddle(func(v paddle.View, id string, in []byte) error {
		return edited(func(edit func(*paddle.Product)) error { return v.EditProduct(id, edit) }, in)
	}))
	mux.HandleFunc("PATCH /_kassa/paddle/prices/{id}", s.editPaddle(func(v paddle.View, id string, in []byte) error {
		return edited(func(edit func(*paddle.Price)) error { return v.EditPrice(id, edit) }, in)
	}))
}

// replacePaddleCard does what a customer can do in the portal.
func (s *Sandbox) replacePaddleCard(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Subscription string `json:"subscription"`
		Number       string `json:"number"`
	}
	if !taken(w, r, &in) {
		return
	}
	err := paddle.ErrNotFound
	for _, v := range s.paddle.Accounts() {
		if err = v.SetCard(in.Subscription, in.Number); err == nil {
			break
		}
	}
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// setPaddleCheckout sets the checkout settings of all accounts that have been used.
func (s *Sandbox) setPaddleCheckout(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PaymentLink string   `json:"payment_link"`
		Domains     []string `json:"domains"`
	}
	if !taken(w, r, &in) {
		return
	}
	for _, v := range s.paddle.Accounts() {
		v.SetPaymentLink(in.PaymentLink)
		v.ApproveDomains(in.Domains)
	}
	w.WriteHeader(http.StatusNoContent)
}

// keepPaddleData is of all accounts that have been used, as setPaddleCheckout.
func (s *Sandbox) keepPaddleData(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Stays bool `json:"stays"`
	}
	if !taken(w, r, &in) {
		return
	}
	for _, v := range s.paddle.Accounts() {
		v.KeepCustomData(in.Stays)
	}
	w.WriteHeader(http.StatusNoContent)
}

// edited writes JSON over the fields of what edit gives.
func edited[T any](edit func(func(*T)) error, in []byte) error {
	if err := json.Unmarshal(in, new(T)); err != nil {
		return err
	}
	return edit(func(x *T) { _ = json.Unmarshal(in, x) })
}

func (s *Sandbox) editPaddle(edit func(v paddle.View, id string, in []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in json.RawMessage
		if !taken(w, r, &in) {
			return
		}
		err := paddle.ErrNotFound
		for _, v := range s.paddle.Accounts() {
			if err = edit(v, r.PathValue("id"), in); !errors.Is(err, paddle.ErrNotFound) {
				break
			}
		}
		switch {
		case errors.Is(err, paddle.ErrNotFound):
			refuse(w, http.StatusNotFound, err)
		case err != nil:
			refuse(w, http.StatusBadRequest, err)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}
