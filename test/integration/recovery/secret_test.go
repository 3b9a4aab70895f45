package recovery

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// The signing secret is replaced after some of a sweep's events were found missing, and before they are brought: none
// of them is left out.
func TestTheSecretIsReplacedDuringASweep(t *testing.T) {
	s := stack.New(t, forgetful)
	p := &pair{Stack: s, WithT: NewWithT(t), toHooks: stack.NewSink(t)}
	s.Operator()
	s.CreateProvider()
	signing := stack.Secret("signing", "signing-secret", "whsec_"+"0123456789abcdef")
	s.Create(signing)
	p.hooks = s.CreateReceiver("hooks", p.toHooks, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: signing.Name},
		}}
		r.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
	})
	p.hooks.AwaitReady(workload.DefaultReplicas)
	const missed = 150 // more than a page
	p.happen(missed)

	var pages atomic.Int32
	s.Sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
		if phase == traffic.BeforeCommit && strings.HasPrefix(r.Path, "/v1/events") && pages.Add(1) == 3 {
			p.Change(signing, func() {
				signing.Data = map[string][]byte{"signing-secret": []byte("whsec_" + "fedcba9876543210")}
			})
		}
	})
	now := s.Sandbox.Clock().Now()
	asked := fmt.Sprintf("%s/%s", now.Add(-4*time.Hour).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	object := p.hooks.Object()
	p.Change(object, func() { metav1.SetMetaDataAnnotation(&object.ObjectMeta, v1alpha1.AnnotationRecover, asked) })
	p.Eventually(func() string {
		if r := p.hooks.Object().Status.Recovery; r != nil {
			return r.AskedResult
		}
		return ""
	}, patience, often).Should(Equal(fmt.Sprintf("%d events had not come, and were fetched", missed)))
	p.Expect(pages.Load()).To(BeNumerically(">", 3))
	p.Expect(p.toHooks.Taken()).To(HaveLen(missed))
}
