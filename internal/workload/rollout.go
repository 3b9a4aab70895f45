package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/status"
)

// Rollout is how a deployed server is. The zero value is that of one that is not deployed yet.
type Rollout struct {
	Wanted, Ready int32
	Err           error

	observed    bool // the Deployment was looked at
	available   bool
	refused     string // why the cluster makes no more pods
	rolling     bool   // not every pod is of the present template
	certificate string // what is wrong with it
	plain       bool   // the spec's TLS waits for a first certificate, and the server goes on without
}

// Deploy applies the server's objects, without what exposes it, and says how it is. tls is the spec's: a server that
// has no certificate yet goes on without, and s says so.
func (a Applier) Deploy(ctx context.Context, s *Server, tls *v1alpha1.ServerTLS) Rollout {
	problem, err := a.certificate(ctx, s.Owner.Namespace, tls)
	if err != nil {
		return Rollout{Err: err}
	}
	plain := problem != "" && a.servesPlain(ctx, *s)
	s.TLS = s.TLS && !plain
	if err := a.Apply(ctx, *s); err != nil {
		return Rollout{Err: fmt.Errorf("deploying the server: %w", err)}
	}
	out := a.observe(ctx, *s)
	out.certificate, out.plain = problem, plain
	return out
}

// observe reads how the Deployment is.
func (a Applier) observe(ctx context.Context, s Server) Rollout {
	d := &appsv1.Deployment{}
	err := a.Client.Get(ctx, types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}, d)
	if client.IgnoreNotFound(err) != nil {
		return Rollout{Err: err}
	}
	out := Rollout{Ready: d.Status.ReadyReplicas, Wanted: DefaultReplicas, observed: true}
	if d.Spec.Replicas != nil {
		out.Wanted = *d.Spec.Replicas
	}
	out.rolling = err == nil && (d.Status.ObservedGeneration < d.Generation ||
		d.Status.UpdatedReplicas < out.Wanted || d.Status.Replicas > d.Status.UpdatedReplicas)
	// One that was applied just now may not be there yet; the watch brings it.
	if err == nil && d.Status.ObservedGeneration >= d.Generation {
		for _, c := range d.Status.Conditions {
			if c.Status != corev1.ConditionTrue {
				continue
			}
			switch c.Type {
			case appsv1.DeploymentAvailable:
				out.available = true
			case appsv1.DeploymentReplicaFailure:
				out.refused = c.Message
			}
		}
	}
	return out
}

// servesPlain says whether the server is deployed without TLS. Its Service would lead nowhere if it changed to TLS
// before there is a certificate, since the new pods wait for one.
func (a Applier) servesPlain(ctx context.Context, s Server) bool {
	d := &appsv1.Deployment{}
	if err := a.Client.Get(ctx, types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}, d); err != nil {
		return false
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		if slices.Contains(c.Args, FlagTLS) {
			return false
		}
	}
	return s.controls(d)
}

// certificate says what is wrong with the one that the server shows.
func (a Applier) certificate(ctx context.Context, namespace string, tls *v1alpha1.ServerTLS) (string, error) {
	if tls == nil {
		return "", nil
	}
	secret := &corev1.Secret{}
	err := a.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: tls.SecretName}, secret)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("spec.tls: Secret %q does not exist", tls.SecretName), nil
	}
	if err != nil {
		return "", fmt.Errorf("reading Secret %s: %w", tls.SecretName, err)
	}
	if _, err := serving.ParseCertificate(secret.Data); err != nil {
		return fmt.Sprintf("spec.tls: Secret %q: %s", tls.SecretName, err), nil
	}
	return "", nil
}

// Verdict is that of the condition WorkloadAvailable.
func (r Rollout) Verdict() status.Verdict {
	replicas := fmt.Sprintf("%d of %d replicas are ready", r.Ready, r.Wanted)
	if r.rolling && r.Ready > 0 {
		replicas += ", not all of them as the spec says yet"
	}
	if r.refused != "" { // by a quota or Pod Security, say; then there is no pod that would tell
		replicas += "; another pod was refused: " + r.refused
	}
	var foreign *ForeignError
	switch {
	case errors.As(r.Err, &foreign) && foreign.Leftover:
		return status.Waiting(v1alpha1.ReasonProgressing, r.Err.Error())
	case errors.As(r.Err, &foreign):
		return status.Waiting(v1alpha1.ReasonOwnedByAnother, r.Err.Error())
	case r.Err != nil:
		return status.Waiting(v1alpha1.ReasonProgressing, r.Err.Error())
	case !r.observed:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, "nothing is deployed yet")
	case r.Wanted == 0:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, "spec.workload.replicas is 0")
	case r.plain:
		return status.Stalled(v1alpha1.ReasonCertificateMissing,
			r.certificate+"; the server goes on without TLS until there is one")
	case r.available && r.Ready > 0 && r.certificate != "":
		return status.Ready(v1alpha1.ReasonSucceeded, replicas+" with the certificate before ("+r.certificate+")")
	case r.available && r.Ready > 0:
		return status.Ready(v1alpha1.ReasonSucceeded, replicas)
	case r.certificate != "":
		return status.Stalled(v1alpha1.ReasonCertificateMissing, r.certificate)
	default:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, replicas)
	}
}
