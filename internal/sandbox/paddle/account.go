package paddle

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// account is one account in one mode; test and live data never meet. Its lock is held for the whole of a request's
// work.
type account struct {
	id    string
	live  bool
	clock func() time.Time

	outside func(time.Duration) time.Duration // see Options
	wake    func()                            // when something is due

	webhooks *delivery.Queue
	retries  delivery.Schedule

	mu               sync.Mutex
	timer            *time.Timer
	last             int64 // the time of the latest id, in milliseconds
	seq              int   // the ids of that millisecond
	products         []*Product
	prices           []*Price
	productByID      map[string]*Product
	priceByID        map[string]*Price
	settings         []*Setting
	settingByID      map[string]*Setting
	events           []*Event
	eventByID        map[string]*Event
	notifications    []*Notification
	notificationByID map[string]*Notification
	customers        []*Customer
	customerByID     map[string]*Customer
	transactions     []*Transaction
	transactionByID  map[string]*Transaction
	subscriptions    []*Subscription
	subscriptionByID map[string]*Subscription
	portals          map[string]string // the customers of portal sessions
	invoices         int64
	taxCategories    []string // that are approved
	paymentLink      string   // the default one; empty: none is set
	approvedDomains  []string // nil: all are
	dataStays        bool     // see View.KeepCustomData
	writes           Writes
}

func (s *Server) accountLocked(at Key) *account {
	name := at.Account
	if at.Live {
		name += " live"
	}
	a, ok := s.accounts[name]
	if !ok {
		a = newAccount(s, at)
		s.accounts[name] = a
	}
	return a
}

func newAccount(s *Server, at Key) *account {
	a := &account{
		id: at.Account, live: at.Live, clock: s.opt.Now, outside: s.opt.Outside, wake: s.CatchUp,
		taxCategories: taxCategories, webhooks: s.opt.Webhooks,
		productByID: map[string]*Product{}, priceByID: map[string]*Price{}, settingByID: map[string]*Setting{},
		customerByID: map[string]*Customer{}, transactionByID: map[string]*Transaction{},
		subscriptionByID: map[string]*Subscription{}, portals: map[string]string{}, paymentLink: defaultLink,
		eventByID: map[string]*Event{}, notificationByID: map[string]*Notification{},
	}
	if s.opt.Retries != nil {
		a.retries = s.opt.Retries(at.Live)
	}
	return a
}

// defaultLink is the payment link that an account has at first.
const defaultLink = "https://shop.example.com/pay"

// letters are those of a ULID, in lower case.
const letters = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes an id as Paddle's are: a ULID in lower case after a prefix. Unlike Paddle's, the ids of one account
// always grow, so that the order of ids is that of creation.
func (a *account) newID(prefix string) string {
	now := a.clock().UnixMilli()
	if now > a.last {
		a.last, a.seq = now, 0
	} else {
		a.seq++
	}
	id := make([]byte, 26)
	digits(id[:10], uint64(a.last))  //nolint:gosec // a time after 1970
	digits(id[10:16], uint64(a.seq)) //nolint:gosec // counted from 0
	noise := id[16:]
	_, _ = rand.Read(noise) // never fails
	for i, b := range noise {
		noise[i] = letters[int(b)%len(letters)]
	}
	return prefix + "_" + string(id)
}

// digits writes n in base 32, with leading zeros.
func digits(into []byte, n uint64) {
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = letters[n%32]
		n /= 32
	}
}

// newRequestID makes a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// SetTaxCategories says which tax categories the account is approved for. At first it is all of them.
func (v View) SetTaxCategories(categories ...string) {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	v.a.taxCategories = slices.Clone(categories)
}

// SetPaymentLink sets the account's default payment link; empty is an account that has none yet.
func (v View) SetPaymentLink(link string) {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	v.a.paymentLink = link
}

// ApproveDomains says which domains checkouts may be on; nil, as at first, is all of them.
func (v View) ApproveDomains(domains []string) {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	v.a.approvedDomains = slices.Clone(domains)
}

// KeepCustomData says whether custom_data stays on a transaction and is not copied to what is subscribed to by it.
func (v View) KeepCustomData(stays bool) {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	v.a.dataStays = stays
}

var (
	taxCategories = []string{
		"digital-goods", "ebooks", "implementation-services", "professional-services", "saas",
		"software-programming-services", "standard", "training-services", "website-hosting",
	}
	catalogTypes = []string{"custom", "standard"}
	statuses     = []string{active, archivedStatus}
	intervals    = []string{"day", "week", "month", "year"}
	taxModes     = []string{"account_setting", "external", "internal"}
	currencies   = strings.Fields("USD EUR GBP JPY AUD CAD CHF HKD SGD SEK ARS BRL CNY COP CZK DKK HUF ILS INR KRW MXN " +
		"NOK NZD PLN RUB THB TRY TWD UAH VND ZAR")
	countries = strings.Fields(`
		AD AE AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BZ CA CC CG CH
		CI CK CL CM CN CO CR CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH
		GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HU ID IE IL IM IN IO IQ IS IT JE JM JO JP KE KG KH KI KM KN KR KW
		KY KZ LA LB LC LI LK LR LS LT LU LV MA MC MD ME MF MG MH MK MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG
		NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RW SA SB SC SE SG SH SI SJ SK SL SM SN
		SR ST SV SX SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VG VI VN VU WF WS XK YT ZA
		ZM`)
)

const (
	active         = "active"
	archivedStatus = "archived"
	standard       = "standard"
)
