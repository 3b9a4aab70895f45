package leaks

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	sandbox "github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

// refusals has every provider refuse everything, while the operator works on Plans and keys and a buyer buys.
func (l *life) refusals() {
	l.T.Helper()
	for i, status := range []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest, http.StatusTooManyRequests,
		http.StatusInternalServerError,
	} {
		l.parrot.say(status)
		l.Change(l.plan, func() { l.plan.Spec.Description = fmt.Sprint("Refused with ", status) })
		for _, name := range []string{"stripe", "paddle", "lemonsqueezy"} {
			pp := &v1alpha1.PaymentProvider{}
			pp.Name = name
			l.Change(pp, func() {
				pp.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: strconv.Itoa(i)}
			})
			for _, plan := range []string{"pro", "basic"} {
				l.ask(l.shop, http.MethodPost, "/v1/checkouts", purchase(plan))
			}
			l.ask(l.member, http.MethodPost, "/v1/checkouts", purchase("pro"))
			l.ask(l.shop, http.MethodGet, "/v1/subscriptions", "")
			l.g.Eventually(func() int { return l.parrot.answered(path(name)) }, stack.Patience, often).
				Should(BeNumerically(">", 0), "%s is asked while it answers %d", name, status)
		}
		l.told(fmt.Sprint("at ", status))
	}
	l.parrot.say(0)
}

// path is where a provider's API is in the sandbox.
func path(provider string) string {
	if provider == "stripe" {
		return "v1"
	}
	return provider
}

// sendAll sends webhooks of every kind that is not welcome, and good ones, to both receivers.
func (l *life) sendAll(id string) {
	l.T.Helper()
	for _, to := range []struct {
		*stack.Receiver
		secret, at string
	}{{l.hooks, l.hooks.SigningSecret(), l.hooks.URL()},
		{l.books, l.manualSecret, strings.Replace(l.books.URL(), "http:", "https:", 1)}} {
		good := event(id)
		for _, body := range [][]byte{good, good[:len(good)-9], []byte(email + fullName), bytes.Repeat(good, 3000)} {
			for _, signature := range []string{
				sandbox.Sign(to.secret, time.Now(), body), sandbox.Sign("whsec_"+fullName, time.Now(), body),
				sandbox.Sign(to.secret, time.Now().Add(-time.Hour), body), email, "",
			} {
				answer, err := to.Post(to.at, bytes.NewReader(body), signature)
				l.evidence.add("answers of "+to.Name, fmt.Sprint(answer, err))
			}
		}
	}
}

// outages has the app, the database and the API server fail while events come.
func (l *life) outages() {
	l.T.Helper()
	l.app.say(http.StatusInternalServerError)
	l.sendAll("evt_app_down")
	l.told("while the app fails")
	l.app.say(http.StatusGone)
	l.sendAll("evt_dead")
	l.told("with dead events")
	l.app.say(http.StatusOK)

	allow := l.db.refuse(l.g)
	l.sendAll("evt_row_refused")
	l.told("while the database refuses rows")
	allow()
	end := l.db.link.Outage()
	l.sendAll("evt_database_down")
	l.told("while there is no database")
	end()

	l.g.Expect(l.Plane.Pause()).To(Succeed())
	l.sendAll("evt_api_down")
	l.g.Expect(l.Plane.Resume()).To(Succeed())
	l.told("after the API server hung")
}

// rotate changes Stripe's key, and has the signing secret replaced.
func (l *life) rotate() {
	l.T.Helper()
	before := l.hooks.SigningSecret()
	l.vault.keep("signing secret", "whsec_", strings.TrimPrefix(before, "whsec_"))
	secret := stack.Secret("stripe-api", "api-key", "")
	l.Change(secret, func() { secret.Data["api-key"] = []byte(l.stripeKeys[1]) })
	object := l.hooks.Object()
	l.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRotateSecret: "1"} })
	l.g.Eventually(l.hooks.SigningSecret, stack.Patience, often).ShouldNot(Equal(before))
	l.vault.keep("next signing secret", "whsec_", strings.TrimPrefix(l.hooks.SigningSecret(), "whsec_"))
}

// dun lets the next payment fail, and waits until the subscription is canceled and the app knows.
func (l *life) dun() {
	l.T.Helper()
	l.Sandbox.Clock().Advance(32 * 24 * time.Hour)
	l.g.Eventually(l.app.got, stack.Patience, often).Should(ContainSubstring(":dunning-"))
}

// recover has the operator look for lost events.
func (l *life) recover() {
	l.T.Helper()
	now := l.Sandbox.Clock().Now().UTC()
	asked := now.Add(-time.Hour).Format(time.RFC3339) + "/" + now.Add(time.Minute).Format(time.RFC3339)
	object := l.hooks.Object()
	l.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked} })
	l.g.Eventually(func() string {
		if r := l.hooks.Object().Status.Recovery; r != nil {
			return r.Asked
		}
		return ""
	}, stack.Patience, often).Should(Equal(asked))
}

// erase removes the buyer from the database.
func (l *life) erase() {
	l.T.Helper()
	for _, whom := range []string{"--email=" + email, "--user=" + user, "--email=nobody"} {
		l.evidence.add("kassa erase", l.run(l.Binary, "erase", "--namespace="+l.Namespace, "--name=books", whom))
	}
	end := l.db.link.Outage()
	defer end()
	l.evidence.add("kassa erase", l.run(l.Binary, "erase", "--namespace="+l.Namespace, "--name=books", "--email="+email))
}

// remove deletes everything, and waits until the operator has let it go.
func (l *life) remove() {
	l.T.Helper()
	for _, name := range []string{"shop", "members"} {
		e := &v1alpha1.CheckoutEndpoint{}
		e.Name = name
		l.gone(e)
	}
	l.gone(l.hooks.Object())
	l.gone(l.books.Object())
	l.gone(l.plan)
	l.gone(l.Provider())
}

func (l *life) gone(o client.Object) {
	l.T.Helper()
	o.SetNamespace(l.Namespace)
	l.g.Expect(l.Client.Delete(ctx, o)).To(Succeed())
	l.g.Eventually(func() bool {
		return apierrors.IsNotFound(l.Client.Get(ctx, client.ObjectKeyFromObject(o), o))
	}, stack.Patience, often).Should(BeTrue(), "%T", o)
}
