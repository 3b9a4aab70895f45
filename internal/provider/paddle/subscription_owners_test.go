package paddle_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider/paddle"
)

// write sends a request about a subscription that Kassa does not send.
func (s *shop) write(method, path, body string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.address+"/paddle/subscriptions/"+path, strings.NewReader(body))
	s.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+key("sdbx"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(res.Body.Close()).To(Succeed())
	s.Expect(res.StatusCode).To(Equal(http.StatusOK))
}

// asked are the requests since the first n.
func (s *shop) asked(n int) (out []string) {
	for _, r := range s.sandbox.Requests()[n:] {
		path, _, _ := strings.Cut(r.Path, "?")
		out = append(out, r.Method+" "+strings.Split(path, "/")[2])
	}
	return out
}

// lastUser is whom the latest event of a subscription names.
func (s *shop) lastUser() string {
	s.t.Helper()
	events := s.account.Events()
	body, err := json.Marshal(events[len(events)-1])
	s.Expect(err).NotTo(HaveOccurred())
	read, err := paddle.Codec{}.Parse(body)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(read.Type).NotTo(BeEmpty())
	return read.Customer.UserID
}

// Paddle says that it copies custom_data from a transaction to its subscription. Where it did not, the transaction
// tells whose the subscription is, for all of a list in one request. Kassa copies it then, so that events tell it too
// and nothing has to be looked up again.
func TestWhoseASubscriptionIsTheCheckoutTellsToo(t *testing.T) {
	s := newShop(t)
	res, err := http.Post(s.address+"/_kassa/paddle/custom-data", "application/json", strings.NewReader(`{"stays":true}`))
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(res.Body.Close()).To(Succeed())
	for range 4 {
		s.pay("monthly", goodCard)
	}
	list := func() []string {
		t.Helper()
		n := len(s.sandbox.Requests())
		mine, err := s.Subscriptions().List(t.Context(), alice)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(mine).To(HaveLen(4))
		return s.asked(n)
	}
	read := []string{"GET customers", "GET subscriptions"}
	s.Expect(list()).To(Equal(append(read, "GET transactions", "PATCH subscriptions", "PATCH subscriptions",
		"PATCH subscriptions")))
	s.Expect(s.lastUser()).To(Equal("alice"))
	s.Expect(list()).To(Equal(append(read, "GET transactions", "PATCH subscriptions")), "the fourth")
	s.Expect(list()).To(Equal(read))
}

// What a subscription carries already is not written over, and one that has ended cannot be written to.
func TestWhatIsNotCopied(t *testing.T) {
	for reason, after := range map[string]func(*shop, string){
		"it has data of its own": func(s *shop, id string) { s.write(http.MethodPatch, id, `{"custom_data":{"crm":"7"}}`) },
		"it has ended": func(s *shop, id string) {
			s.write(http.MethodPatch, id, `{"custom_data":null}`)
			s.write(http.MethodPost, id+"/cancel", `{"effective_from":"immediately"}`)
		},
	} {
		t.Run(reason, func(t *testing.T) {
			s := newShop(t)
			id := s.buy("monthly", goodCard).ID
			after(s, id)
			n := len(s.sandbox.Requests())
			got, err := s.Subscriptions().Get(t.Context(), id)
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(got.UserID).To(Equal("alice"))
			s.Expect(got.Email).To(BeEmpty())
			s.Expect(s.asked(n)).To(Equal([]string{"GET subscriptions", "GET transactions"}))
		})
	}
}
