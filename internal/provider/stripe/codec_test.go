package stripe

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

func codecFixture() providertest.CodecFixture {
	f := providertest.CodecFixture{
		Codec: Codec{}, Header: SignatureHeader, Timed: true, Many: true,
		Sign: func(body []byte, at time.Time, secrets ...string) http.Header {
			parts := []string{fmt.Sprintf("t=%d", at.Unix())}
			for _, s := range secrets {
				parts = append(parts, "v1="+signed(at.Unix(), string(body), s))
			}
			return http.Header{SignatureHeader: {strings.Join(parts, ",")}}
		},
		Event: func(id, native string) []byte {
			return fmt.Appendf(nil, `{"id":%s,"type":%s,"created":1712000000,"data":{"object":{"id":"x_1"}}}`,
				quoted(id), quoted(native))
		},
	}
	for _, x := range examples {
		f.Examples = append(f.Examples, providertest.Example{Why: x.why, Body: x.body()})
	}
	return f
}

func TestCodec(t *testing.T) { providertest.RunCodec(t, codecFixture()) }

func FuzzVerify(f *testing.F) {
	providertest.FuzzVerify(f, codecFixture(), func(secret, header string, body []byte) error {
		return webhook.ValidatePayloadIgnoringTolerance(body, header, secret)
	})
}

// FuzzParse holds what is read to what an app would read that takes native apart with encoding/json.
func FuzzParse(f *testing.F) {
	providertest.FuzzParse(f, codecFixture(), func(t *testing.T, e billing.Event) {
		var native map[string]any // names count letter by letter, as in other languages
		if err := json.Unmarshal(e.Native, &native); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		data, _ := native["data"].(map[string]any)
		object, _ := data["object"].(map[string]any)
		text := func(v any) string { s, _ := v.(string); return s }
		same := [][2]string{{text(native["id"]), e.ID}, {text(native["type"]), e.NativeType}}
		if live, told := native["livemode"].(bool); told {
			same = append(same, [2]string{string(modeOf(live)), string(e.Mode)})
		}
		if id := text(object["customer"]); id != "" && object["object"] != "customer" {
			same = append(same, [2]string{id, e.Customer.ID})
		}
		if object["object"] == "subscription" {
			same = append(same, [2]string{text(object["id"]), e.Subscription.ID})
		}
		if n, told := object["amount"].(float64); told && object["object"] == "dispute" && object["currency"] == "usd" &&
			n == math.Trunc(n) && math.Abs(n) < 1<<53 && e.Payment != nil {
			same = append(same, [2]string{strconv.FormatInt(int64(n), 10), strconv.FormatInt(e.Payment.Money.Minor, 10)})
		}
		for _, pair := range same {
			if pair[0] != pair[1] {
				t.Fatalf("an app reads %q, Kassa %q: %s", pair[0], pair[1], e.Native)
			}
		}
	})
}

// Every event has the name that the table says.
func TestExamples(t *testing.T) {
	named := map[string]bool{}
	for _, x := range examples {
		t.Run(x.why, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(x.body())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.Type).To(Equal(x.want))
			g.Expect(e.NativeType).To(Equal(x.native))
			g.Expect(e.Mode).To(Equal(billing.Test))
			g.Expect(e.Time).To(Equal(time.Unix(1712000000, 0).UTC()))
		})
		named[x.native] = true
	}
	for native := range taxonomy {
		if !named[native] {
			t.Errorf("there is no example of %s", native)
		}
	}
}
