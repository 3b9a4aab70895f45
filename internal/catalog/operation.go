package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Kind of an operation.
type Kind string

// The operations.
const (
	CreateProduct  Kind = "CreateProduct"
	UpdateProduct  Kind = "UpdateProduct"
	CreatePrice    Kind = "CreatePrice"
	UpdatePrice    Kind = "UpdatePrice"
	SetDefault     Kind = "SetDefault"
	ClearDefault   Kind = "ClearDefault"
	ArchivePrice   Kind = "ArchivePrice"
	ArchiveProduct Kind = "ArchiveProduct"
)

// Operation is one write at a provider. It is complete: running it needs nothing but the catalogue.
type Operation struct {
	Kind   Kind
	ID     string   // the provider's id of the object that changes; empty for creates
	Price  string   // name of the price in the Plan; empty for the product
	Fields []string // what differs, for people

	owner     billing.Owner
	product   *billing.ProductSpec // CreateProduct; UpdateProduct when its description differs
	price     *billing.PriceSpec   // CreatePrice, UpdatePrice
	productID string               // CreatePrice
	ordinal   int                  // CreatePrice: how many prices of the name there were before
	lookupKey string               // CreatePrice, UpdatePrice: the key that the price must hold
	activate  bool                 // UpdateProduct, UpdatePrice
	keptKey   string               // CreatePrice, UpdatePrice: a mark, see billing.Price
	remark    bool                 // UpdateProduct, UpdatePrice: write the owner's marks
	replaced  *billing.Price       // CreatePrice, UpdatePrice: the price on sale that this one takes the place of
	withdraws bool                 // ArchivePrice: the plan has no price of that name any more
	current   *billing.Price       // UpdatePrice, ArchivePrice
	currentPr *billing.Product     // UpdateProduct, SetDefault, ClearDefault, ArchiveProduct
}

// String is one line for logs and events: "UpdatePrice monthly (displayName)".
func (o Operation) String() string {
	var b strings.Builder
	b.WriteString(string(o.Kind))
	if o.Price != "" {
		fmt.Fprintf(&b, " %s", o.Price)
	}
	if len(o.Fields) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(o.Fields, ", "))
	}
	return b.String()
}

// Creates says whether the operation makes an object that did not exist.
func (o Operation) Creates() bool { return o.Kind == CreateProduct || o.Kind == CreatePrice }

// Replaces says whether the operation makes a price that is on sale give way: to another one in its place, or because
// its name is gone, as with a renamed price.
func (o Operation) Replaces() bool { return o.replaced != nil || o.withdraws }

// fingerprint is the same for operations that ask the provider for the same thing.
func (o Operation) fingerprint() string { return o.String() + " " + o.ID + " " + o.Detail() }

// IdempotencyKey is the same for the same intent of the same owner, in every process: 40 hex digits. A price that is
// made because an equal one was spoiled by somebody else is another intent, so the number of its predecessors counts:
// a provider that remembers the first create must not answer with the spoiled one.
func (o Operation) IdempotencyKey() string {
	// A struct of strings and numbers always marshals.
	text, _ := json.Marshal(struct {
		Cluster, UID, Price string
		Kind                Kind
		ProductID           string
		Ordinal             int
		Product             *billing.ProductSpec
		Spec                *billing.PriceSpec
	}{o.owner.Cluster, o.owner.UID, o.Price, o.Kind, o.productID, o.ordinal, o.product, o.price})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:20])
}
