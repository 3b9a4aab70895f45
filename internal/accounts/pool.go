package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// DefaultDriftCheckInterval is used where a spec has none.
const DefaultDriftCheckInterval = 10 * time.Minute

// Back-off between checks of credentials while the provider is away. One failed check serves every Plan of the
// account until it is over.
const (
	minRecheck = time.Second
	maxRecheck = time.Minute
)

// Clients are HTTP clients with a rate limit for each scope; see instrument.Buckets.
type Clients interface {
	Client(p billing.Provider, owner, scope string, requestsPerSecond float64, burst int) *http.Client
	Keep(owner string, scopes ...string)
}

// Pool opens accounts and keeps them open. It is safe for concurrent use.
type Pool struct {
	// Registry has the adapters of this build.
	Registry provider.Registry
	// Metadata reads Secrets' metadata from a cache that holds no values; Live reads a Secret from the API server.
	Metadata client.Reader
	Live     client.Reader
	// Clients gives all who talk to one account the same client.
	Clients Clients
	Now     func() time.Time

	mu      sync.Mutex
	entries map[types.NamespacedName]*entry
}

// entry is one PaymentProvider. Its lock is held while the credentials are checked, so that many Plans cause one
// check.
type entry struct {
	mu       sync.Mutex
	version  version
	account  *Account
	problem  *Error
	failures int
	retryAt  time.Time
	// unsettled: the account's id is provisional and may be known by now.
	unsettled bool
	// scope of the rate limit that the key with scope byKey turned out to have.
	byKey, scope string
}

// version tells whether anything changed that an account was opened with.
type version struct {
	uid        types.UID
	generation int64
	key        revision
	// clientToken's is the zero value where the spec has none.
	clientToken revision
}

// revision of a Secret.
type revision struct {
	uid     types.UID
	version string
}

// Open returns the account that pp declares. The error is a *Error, or a failure to read from Kubernetes.
func (p *Pool) Open(ctx context.Context, pp *v1alpha1.PaymentProvider) (*Account, error) {
	return p.open(ctx, pp, false)
}

// Check is Open, but asks the provider again whether the credentials still hold.
func (p *Pool) Check(ctx context.Context, pp *v1alpha1.PaymentProvider) (*Account, error) {
	return p.open(ctx, pp, true)
}

// Opened is the account as it was last opened, nil if it is not open. It waits for nothing: while the account is being
// opened, ok is false.
func (p *Pool) Opened(key types.NamespacedName) (account *Account, ok bool) {
	e := p.entry(key)
	if !e.mu.TryLock() {
		return nil, false
	}
	defer e.mu.Unlock()
	return e.account, true
}

// Forget drops what is kept for a PaymentProvider that is gone.
func (p *Pool) Forget(key types.NamespacedName) {
	p.Clients.Keep(key.String())
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.entries, key)
}

// Invalidate makes the next Open check the credentials again: the provider refused them.
func (p *Pool) Invalidate(key types.NamespacedName) {
	e := p.entry(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.version = version{}
}

// Settle makes the next Open ask for the account's id again, where that is provisional: an object was made there.
func (p *Pool) Settle(key types.NamespacedName) {
	e := p.entry(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unsettled = e.account != nil && e.account.Info.Provisional
}

func (p *Pool) entry(key types.NamespacedName) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries = map[types.NamespacedName]*entry{}
	}
	e, ok := p.entries[key]
	if !ok {
		e = &entry{}
		p.entries[key] = e
	}
	return e
}

func (p *Pool) open(ctx context.Context, pp *v1alpha1.PaymentProvider, check bool) (*Account, error) {
	if pp.Spec.Suspend {
		return nil, &Error{Reason: v1alpha1.ReasonSuspended, Stalled: true, Message: "spec.suspend is true"}
	}
	e := p.entry(client.ObjectKeyFromObject(pp))
	e.mu.Lock()
	defer e.mu.Unlock()

	v, problem, err := p.version(ctx, pp)
	if err != nil {
		return nil, err
	}
	if problem != nil {
		// A user may delete Secret, Plans and PaymentProvider in any order. What was opened is kept for the Plans
		// that still have to be retired.
		if !pp.DeletionTimestamp.IsZero() && e.account != nil && e.version.uid == pp.UID {
			return e.account, nil
		}
		return nil, problem
	}
	if v == e.version {
		waiting := p.Now().Before(e.retryAt)
		switch {
		case e.account != nil && !check && !e.unsettled:
			return e.account, nil
		case e.problem != nil && (e.problem.Stalled && !check || !e.problem.Stalled && waiting):
			return nil, e.problem
		}
	}
	return p.connect(ctx, pp, e, v)
}

func (p *Pool) version(ctx context.Context, pp *v1alpha1.PaymentProvider) (version, *Error, error) {
	v := version{uid: pp.UID, generation: pp.Generation}
	revisions := []*revision{&v.key, &v.clientToken}
	for i, s := range declared(&pp.Spec).secrets() {
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		err := p.Metadata.Get(ctx, types.NamespacedName{Namespace: pp.Namespace, Name: s.Name}, meta)
		if apierrors.IsNotFound(err) {
			return version{}, s.notFound(), nil
		}
		if err != nil {
			return version{}, nil, fmt.Errorf("reading metadata of Secret %s: %w", s.Name, err)
		}
		*revisions[i] = revision{meta.UID, meta.ResourceVersion}
	}
	return v, nil, nil
}

// connect reads the key, checks it and asks the provider whose it is. It holds e.mu.
func (p *Pool) connect(ctx context.Context, pp *v1alpha1.PaymentProvider, e *entry, v version) (*Account, error) {
	adapter, cfg, problem, err := p.config(ctx, pp)
	if err != nil {
		return nil, err
	}
	var account *Account
	if problem == nil {
		account, problem = p.verify(ctx, pp, e, adapter, cfg)
	}
	if problem != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if v != e.version {
			e.failures, e.account = 0, nil
		}
		if problem.Stalled {
			e.account = nil
		}
		problem.RetryAfter = max(problem.RetryAfter, min(minRecheck<<min(e.failures, 10), maxRecheck))
		e.failures++
		e.version, e.problem, e.retryAt = v, problem, p.Now().Add(problem.RetryAfter)
		return nil, problem
	}
	// A rotated key of the same account keeps what is known of its catalogue, and so does a provisional id that became
	// the account's.
	settled := e.account != nil && e.account.Info.Provisional && v == e.version
	if e.account != nil && (e.account.Info == account.Info && v.uid == e.version.uid || settled) {
		account.Mirror = e.account.Mirror
		account.Mirror.ReadFrom(account.Conn.Catalog())
	}
	e.version, e.account, e.problem, e.failures, e.unsettled = v, account, nil, 0, false
	return account, nil
}

func (p *Pool) config(
	ctx context.Context, pp *v1alpha1.PaymentProvider,
) (provider.Adapter, provider.Config, *Error, error) {
	d, none := declared(&pp.Spec), provider.Config{}
	adapter, err := p.Registry.Adapter(d.provider)
	if err != nil {
		return nil, none, &Error{
			Reason: v1alpha1.ReasonUnsupported, Stalled: true, Message: err.Error(), Err: err,
		}, nil
	}
	mode := billing.Mode(pp.Spec.Mode)
	var values []string
	for _, s := range d.secrets() {
		value, problem, err := p.value(ctx, pp.Namespace, s)
		if problem != nil || err != nil {
			return nil, none, problem, err
		}
		values = append(values, value)
	}
	if tokens, ok := adapter.(provider.ClientTokens); ok && d.clientToken != nil {
		if problem := keyProblem(tokens.CheckClientToken(values[1], mode)); problem != nil {
			return nil, none, problem, nil
		}
	}
	return adapter, provider.Config{Mode: mode, APIKey: values[0], StoreID: d.store, BaseURL: pp.Spec.BaseURL}, nil, nil
}

// value reads a Secret from the API server.
func (p *Pool) value(ctx context.Context, namespace string, s secret) (string, *Error, error) {
	o := &corev1.Secret{}
	err := p.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: s.Name}, o)
	if apierrors.IsNotFound(err) {
		return "", s.notFound(), nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading Secret %s: %w", s.Name, err)
	}
	value := strings.TrimSpace(string(o.Data[s.Key]))
	if value == "" {
		return "", &Error{
			Reason: v1alpha1.ReasonSecretKeyMissing, Stalled: true,
			Message: fmt.Sprintf("Secret %q has no value under %q", s.Name, s.Key),
		}, nil
	}
	return value, nil, nil
}

// keyProblem is what the text of a key, or token, shows to be wrong with it.
func keyProblem(err error) *Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, provider.ErrModeMismatch):
		return &Error{Reason: v1alpha1.ReasonModeMismatch, Stalled: true, Message: err.Error(), Err: err}
	default:
		return &Error{Reason: v1alpha1.ReasonCredentialsInvalid, Stalled: true, Message: err.Error(), Err: err}
	}
}

// verify is the guard: key text, then the provider's own word on mode and account.
func (p *Pool) verify(
	ctx context.Context, pp *v1alpha1.PaymentProvider, e *entry, adapter provider.Adapter, cfg provider.Config,
) (*Account, *Error) {
	if problem := keyProblem(adapter.CheckKey(cfg.APIKey, cfg.Mode)); problem != nil {
		return nil, problem
	}
	// Until it is known whose the key is, it has a client of its own, and afterwards again the account's.
	byKey := scopeOfKey(adapter, cfg)
	scope := byKey
	if e.byKey == byKey {
		scope = e.scope
	}
	cfg.HTTP = p.client(pp, adapter, scope)
	conn, err := adapter.Connect(cfg)
	if err != nil {
		return nil, ErrorOf(err)
	}
	info, err := conn.Account(ctx)
	if err != nil {
		return nil, ErrorOf(err)
	}
	if info.Mode != cfg.Mode {
		return nil, &Error{Reason: v1alpha1.ReasonModeMismatch, Stalled: true, Message: fmt.Sprintf(
			"spec.mode is %s but %s says that the key is of %s mode; nothing was written",
			cfg.Mode, adapter.Type(), info.Mode)}
	}
	if message := otherAccount(pp, info); message != "" {
		return nil, &Error{Reason: v1alpha1.ReasonAccountMismatch, Stalled: true, Message: message}
	}
	if account := scopeOfAccount(adapter, cfg, info); account != scope {
		cfg.HTTP = p.client(pp, adapter, account)
		if conn, err = adapter.Connect(cfg); err != nil {
			return nil, ErrorOf(err)
		}
		scope = account
	}
	e.byKey, e.scope = byKey, scope
	p.Clients.Keep(client.ObjectKeyFromObject(pp).String(), scope)
	interval := DefaultDriftCheckInterval
	if d := pp.Spec.DriftCheckInterval; d != nil {
		interval = d.Duration
	}
	return &Account{
		Info: info, Identity: identity(&pp.Spec, info.Provisional, info.ID),
		Adapter: adapter, Conn: conn, DriftCheckInterval: interval,
		Mirror: catalog.NewMirror(conn.Catalog(), p.Now),
	}, nil
}

// otherAccount says why the key's account is not the one that is meant, or nothing. A spec that names no account means
// the one that was used first: a key that was mixed up must not make a second catalogue.
func otherAccount(pp *v1alpha1.PaymentProvider, info billing.Account) string {
	used := pp.Status.Account
	another := used != nil && !used.Provisional && used.Mode == pp.Spec.Mode && used.ID != info.ID
	if s := pp.Spec.Stripe; s != nil {
		switch {
		case s.AccountID == info.ID:
			return ""
		case s.AccountID != "":
			return fmt.Sprintf("spec.stripe.accountID is %s but the key belongs to %s; nothing was written",
				s.AccountID, info.ID)
		case another:
			return fmt.Sprintf("the key belongs to %s but the account in use is %s; nothing was written; if the move is "+
				"meant, set spec.stripe.accountID to %s", info.ID, used.ID, info.ID)
		}
	}
	if another && info.Provisional {
		return fmt.Sprintf("the key's account has no products, so it is not the account in use, %s; nothing was written; if "+
			"the move is meant, create another PaymentProvider", used.ID)
	}
	if another {
		return fmt.Sprintf("the key belongs to %s but the account in use is %s; nothing was written; if the move is meant, "+
			"create another PaymentProvider", info.ID, used.ID)
	}
	return ""
}
