package sandbox

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// dashboard is the part of the door that does what a seller does in LemonSqueezy's dashboard.
func (s *Sandbox) dashboard(mux *http.ServeMux) {
	mux.HandleFunc("POST /_kassa/lemonsqueezy/keys", revoking(s.lemon.Revoke))
	mux.HandleFunc("POST /_kassa/lemonsqueezy/mode", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Hidden bool `json:"hidden"`
		}
		if !taken(w, r, &in) {
			return
		}
		s.lemon.HideMode(in.Hidden)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_kassa/lemonsqueezy/stores", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ID       int64  `json:"id"`
			Name     string `json:"name"`
			Currency string `json:"currency"`
		}
		if !taken(w, r, &in) {
			return
		}
		store := lemonsqueezy.Store{ID: in.ID, Name: in.Name, Slug: in.Name, Currency: in.Currency}
		reply(w, map[string]int64{"id": s.lemon.AddStore(store)})
	})
	mux.HandleFunc("POST /_kassa/lemonsqueezy/products", func(w http.ResponseWriter, r *http.Request) {
		var in lemonsqueezy.Draft
		if !taken(w, r, &in) {
			return
		}
		id, variants, err := s.lemon.AddProduct(in)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		reply(w, map[string]any{"id": id, "variants": variants})
	})
	mux.HandleFunc("PATCH /_kassa/lemonsqueezy/products/{id}", s.editLemonProduct)
	mux.HandleFunc("PATCH /_kassa/lemonsqueezy/variants/{id}", s.editLemonVariant)
}

func (s *Sandbox) editLemonProduct(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name   *string `json:"name"`
		Status *string `json:"status"`
	}
	if !taken(w, r, &in) {
		return
	}
	done(w, s.lemon.EditProduct(pathID(r), func(p *lemonsqueezy.Product) {
		replace(&p.Name, in.Name)
		replace(&p.Status, in.Status)
	}))
}

func (s *Sandbox) editLemonVariant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name   *string             `json:"name"`
		Status *string             `json:"status"`
		Price  *lemonsqueezy.Price `json:"price"`
	}
	if !taken(w, r, &in) {
		return
	}
	err := s.lemon.EditVariant(pathID(r), func(v *lemonsqueezy.Variant) {
		replace(&v.Name, in.Name)
		replace(&v.Status, in.Status)
	})
	if err == nil && in.Price != nil {
		err = s.lemon.SetPrice(pathID(r), *in.Price)
	}
	done(w, err)
}

// taken reads the body, and answers if it cannot be read.
func taken(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := strict(http.MaxBytesReader(w, r.Body, doorLimit), into); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func done(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, lemonsqueezy.ErrNotFound):
		refuse(w, http.StatusNotFound, err)
	case err != nil:
		refuse(w, http.StatusBadRequest, err)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func pathID(r *http.Request) int64 {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func replace(field, value *string) {
	if value != nil {
		*field = *value
	}
}
