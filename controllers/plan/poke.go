package plan

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/catalog"
)

const (
	// echoDelay is how long news wait that are likely of what Kassa itself did, so that more of them come together.
	echoDelay = 2 * time.Second
	// maxEchoDelay bounds the pause between two looks at such news.
	maxEchoDelay = 10 * time.Second
	// echoShare: such looks may take one of so many calls of the account's rate.
	echoShare = 4
	// lookCalls is about how many calls it takes to observe one plan: its product, its active prices, its archived ones.
	lookCalls = 3
	// retryDelay is when something is looked up again that was not there yet.
	retryDelay = time.Second
	// maxTries: the status that names a new product comes soon after the product.
	maxTries = 3
)

// pokes has Plans looked at afresh whose product a receiver was told a change of.
//
// Somebody's edit is looked at at once. Most news, however, are of what Kassa did itself, and nothing tells the two
// apart for sure. So no news are dropped: those of a plan that Kassa has just written wait a moment for others like
// them and are then answered together, by a look at each plan or, where that is cheaper, by one snapshot of the
// account.
type pokes struct {
	*Reconciler
	plans chan event.GenericEvent // to look at now

	wake chan struct{}

	mu      sync.Mutex
	seen    map[types.UID]ring // of each receiver
	waiting []news

	// Of the goroutine of Start alone.
	lanes   map[types.NamespacedName]*lane
	pending []tip
}

// tip is a product at one PaymentProvider; "" stands for all of its account's.
type tip struct {
	at      types.NamespacedName
	product string
	tries   int
	due     time.Time // not before
}

// lane is what waits of one PaymentProvider.
type lane struct {
	late map[types.NamespacedName]bool // Plans whose news are likely echoes
	all  bool
	due  time.Time // when they are answered; zero while there are none
	rest time.Time // before which they are not
}

func newPokes(r *Reconciler) *pokes {
	return &pokes{
		Reconciler: r, plans: make(chan event.GenericEvent, ringLength), wake: make(chan struct{}, 1),
		seen: map[types.UID]ring{}, lanes: map[types.NamespacedName]*lane{},
	}
}

// Start answers news until ctx ends.
func (p *pokes) Start(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
		}
		tips := p.dueTips()
		for _, n := range p.take() {
			tips = append(tips, p.tips(ctx, n)...)
		}
		for _, t := range tips {
			p.follow(ctx, t)
		}
		p.answer(ctx)
		timer.Reset(p.next())
	}
}

// next is how long nothing is due.
func (p *pokes) next() time.Duration {
	wait := time.Hour
	for _, t := range p.pending {
		wait = min(wait, max(0, t.due.Sub(p.Now())))
	}
	for _, l := range p.lanes {
		if !l.due.IsZero() {
			wait = min(wait, max(0, l.due.Sub(p.Now())))
		}
	}
	return wait
}

// dueTips are the pending tips whose time has come.
func (p *pokes) dueTips() (due []tip) {
	now := p.Now()
	p.pending = slices.DeleteFunc(p.pending, func(t tip) bool {
		if !t.due.After(now) {
			due = append(due, t)
		}
		return !t.due.After(now)
	})
	return due
}

// tips are a receiver's news for each PaymentProvider of its account. One that does not admit the receiver's namespace
// hears nothing from it.
func (p *pokes) tips(ctx context.Context, n news) []tip {
	ref := v1alpha1.PlanProvider{Name: n.provider.Name, Namespace: n.provider.Namespace}
	pp, err := accounts.Resolve(ctx, p.Client, n.receiver.Namespace, &ref)
	if err != nil {
		if !errors.As(err, new(*accounts.Error)) {
			ctrl.LoggerFrom(ctx).Error(err, "finding the account of a receiver", "receiver", n.receiver)
		}
		return nil
	}
	keys := []types.NamespacedName{client.ObjectKeyFromObject(pp)}
	if identity := accounts.Identity(pp); identity != "" {
		var list v1alpha1.PaymentProviderList
		if err := p.Client.List(ctx, &list); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "finding the PaymentProviders of an account")
		}
		for i := range list.Items {
			key := client.ObjectKeyFromObject(&list.Items[i])
			if accounts.Identity(&list.Items[i]) == identity && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	var tips []tip
	for _, key := range keys {
		if n.all {
			tips = append(tips, tip{at: key})
		}
		for _, product := range n.products {
			tips = append(tips, tip{at: key, product: product})
		}
	}
	return tips
}

// follow finds out which Plans a tip is for, and whether they are looked at at once.
func (p *pokes) follow(ctx context.Context, t tip) {
	account, ok := p.Accounts.Opened(t.at)
	switch {
	case !ok:
		p.wait(t)
		return
	case account == nil:
		return // when it is opened, its catalogue is read
	case t.product == "":
		p.later(t.at).all = true
		return
	}
	plans, err := p.having(ctx, t)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the Plans of a product")
		p.again(t)
		return
	}
	if len(plans) == 0 {
		p.unknown(ctx, account, t)
		return
	}
	account.Mirror.Doubt(t.product)
	for i := range plans {
		if account.Mirror.Echo(p.owner(&plans[i])) {
			p.later(t.at).late[client.ObjectKeyFromObject(&plans[i])] = true
			continue
		}
		p.look(ctx, client.ObjectKeyFromObject(&plans[i]))
	}
}

// unknown is a product that no Plan names. Most are none of Kassa's business. One with a Plan's marks is new, and the
// status will name it, or a twin, which only a snapshot shows.
func (p *pokes) unknown(ctx context.Context, account *accounts.Account, t tip) {
	owner := account.Mirror.Owner(t.product)
	if owner.Cluster == p.Cluster && t.tries+1 == maxTries {
		plan := &v1alpha1.Plan{}
		err := p.Client.Get(ctx, types.NamespacedName{Namespace: owner.Namespace, Name: owner.Name}, plan)
		if err == nil && string(plan.UID) == owner.UID {
			p.later(t.at).all = true
			return
		}
	}
	p.again(t)
}

func (p *pokes) again(t tip) {
	t.tries++
	if t.tries < maxTries {
		p.wait(t)
	}
}

func (p *pokes) wait(t tip) {
	t.due = p.Now().Add(retryDelay)
	p.pending = append(p.pending, t)
}

// later is the lane of a PaymentProvider, with a time at which it is answered.
func (p *pokes) later(at types.NamespacedName) *lane {
	l := p.lanes[at]
	if l == nil {
		l = &lane{late: map[types.NamespacedName]bool{}}
		p.lanes[at] = l
	}
	if l.due.IsZero() {
		l.due = p.Now().Add(echoDelay)
		if l.due.Before(l.rest) {
			l.due = l.rest
		}
	}
	return l
}

// having are the Plans whose product it is, at that PaymentProvider.
func (p *pokes) having(ctx context.Context, t tip) ([]v1alpha1.Plan, error) {
	var list v1alpha1.PlanList
	if err := p.Client.List(ctx, &list, client.MatchingFields{indexProducts: t.product}); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(plan v1alpha1.Plan) bool { return !has(&plan, t) }), nil
}

func has(plan *v1alpha1.Plan, t tip) bool {
	return slices.ContainsFunc(productsOf(plan), func(p tip) bool { return p == tip{at: t.at, product: t.product} })
}

// productsOf are the products that a Plan has, or adopts.
func productsOf(plan *v1alpha1.Plan) []tip {
	var out []tip
	for _, s := range plan.Status.Providers {
		if s.ProductID != "" {
			at := v1alpha1.PlanProvider{Name: s.Name, Namespace: s.Namespace}
			out = append(out, tip{at: accounts.ProviderKey(plan.Namespace, &at), product: s.ProductID})
		}
	}
	for i := range plan.Spec.Providers {
		at := &plan.Spec.Providers[i]
		if at.Adopt != nil {
			out = append(out, tip{at: accounts.ProviderKey(plan.Namespace, at), product: at.Adopt.ProductID})
		}
	}
	return out
}

// answer looks at what is due.
func (p *pokes) answer(ctx context.Context) {
	now := p.Now()
	for at, l := range p.lanes {
		if l.due.IsZero() {
			if now.After(l.rest) {
				delete(p.lanes, at)
			}
			continue
		}
		if l.due.After(now) {
			continue
		}
		account, ok := p.Accounts.Opened(at)
		if !ok {
			l.due = now.Add(retryDelay)
			continue
		}
		if account != nil {
			l.rest = now.Add(p.answerLane(ctx, at, l, account))
		}
		l.late, l.all, l.due = map[types.NamespacedName]bool{}, false, time.Time{}
	}
}

// answerLane returns how long the next answer has to wait, so that echoes leave the account's rate to what matters.
func (p *pokes) answerLane(
	ctx context.Context, at types.NamespacedName, l *lane, account *accounts.Account,
) time.Duration {
	calls, whole := answerBy(len(l.late), l.all, account.Mirror)
	if whole {
		account.Mirror.DoubtAll()
		p.Reread(at)
	}
	for plan := range l.late {
		p.look(ctx, plan)
	}
	rate := account.Adapter.DefaultRate(account.Info.Mode) * accounts.OperatorShare
	pause := time.Duration(float64(calls) * echoShare / rate * float64(time.Second))
	return min(max(pause, echoDelay), maxEchoDelay)
}

// answerBy says whether one snapshot is cheaper than a look at each of so many plans, and what the cheaper way costs.
func answerBy(plans int, all bool, mirror *catalog.Mirror) (calls int, whole bool) {
	snapshot, looks := mirror.Cost(), lookCalls*plans
	if all || looks > snapshot {
		return snapshot, true
	}
	return looks, false
}

// look enqueues a Plan before everything else.
func (p *pokes) look(ctx context.Context, plan types.NamespacedName) {
	o := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Namespace: plan.Namespace, Name: plan.Name}}
	select {
	case p.plans <- event.GenericEvent{Object: o}:
	case <-ctx.Done():
	}
}

// told says whether a receiver was told of a change that was not looked at yet. When everything may have changed, the
// account is read anew first; should that fail, those Plans fail of which it is known that they changed.
func (s *sale) told(ctx context.Context) bool {
	if err := s.account.Mirror.Renew(ctx); err != nil {
		_ = s.noteRefused(err)
	}
	return s.account.Mirror.Doubted(s.known.ProductID)
}
