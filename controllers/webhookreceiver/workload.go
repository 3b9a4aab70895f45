package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// deployment is how the deployed server is.
type deployment struct {
	wanted, ready int32
	available     bool
	rolling       bool   // not every pod is of the present template
	certificate   string // what is wrong with it
	plain         bool   // spec.tls waits for a first certificate, and the server goes on without
	exposure      exposure
	err           error
}

// deploy applies the server's objects. Without an account that was ever opened there is nothing that the server could
// verify, so nothing is deployed before.
func (r *Reconciler) deploy(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) deployment {
	if account == nil && receiver.Status.Provider == nil {
		return deployment{exposure: notYetExposed(receiver)}
	}
	server := workload.Receiver{
		Object: receiver, Image: r.Image, SigningSecret: kubewatch.SigningSecretName(receiver),
		Cluster: r.Cluster, Env: r.Env,
	}.Server()
	problem, err := r.certificate(ctx, receiver)
	if err != nil {
		return deployment{err: err, exposure: notYetExposed(receiver)}
	}
	plain := problem != "" && r.servesPlain(ctx, receiver, server.Name())
	server.TLS = server.TLS && !plain
	apply := workload.Applier{Client: r.Client, Live: r.Live}
	if err := apply.Apply(ctx, server); err != nil {
		return deployment{err: fmt.Errorf("deploying the server: %w", err), exposure: notYetExposed(receiver)}
	}
	out := r.observe(ctx, receiver, server.Name())
	out.certificate, out.plain = problem, plain
	out.exposure = r.expose(ctx, receiver, apply, server)
	return out
}

// observe reads how the Deployment and its certificate are.
func (r *Reconciler) observe(ctx context.Context, receiver *v1alpha1.WebhookReceiver, name string) deployment {
	d := &appsv1.Deployment{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, d)
	if client.IgnoreNotFound(err) != nil {
		return deployment{err: err}
	}
	out := deployment{ready: d.Status.ReadyReplicas, wanted: workload.DefaultReplicas}
	if d.Spec.Replicas != nil {
		out.wanted = *d.Spec.Replicas
	}
	out.rolling = err == nil && (d.Status.ObservedGeneration < d.Generation ||
		d.Status.UpdatedReplicas < out.wanted || d.Status.Replicas > d.Status.UpdatedReplicas)
	// One that was applied just now may not be there yet; the watch brings it.
	if err == nil && d.Status.ObservedGeneration >= d.Generation {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue {
				out.available = true
			}
		}
	}
	return out
}

// servesPlain says whether the server is deployed without TLS. Its Service would lead nowhere if it changed to TLS
// before there is a certificate, since the new pods wait for one.
func (r *Reconciler) servesPlain(ctx context.Context, receiver *v1alpha1.WebhookReceiver, name string) bool {
	d := &appsv1.Deployment{}
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, d); err != nil {
		return false
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		if slices.Contains(c.Args, workload.FlagTLS) {
			return false
		}
	}
	return metav1.IsControlledBy(d, receiver)
}

// certificate says what is wrong with the one that the server shows.
func (r *Reconciler) certificate(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (string, error) {
	if receiver.Spec.TLS == nil {
		return "", nil
	}
	name := receiver.Spec.TLS.SecretName
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("spec.tls: Secret %q does not exist", name), nil
	}
	if err != nil {
		return "", fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if _, err := serving.ParseCertificate(secret.Data); err != nil {
		return fmt.Sprintf("spec.tls: Secret %q: %s", name, err), nil
	}
	return "", nil
}

func (d deployment) verdict() status.Verdict {
	replicas := fmt.Sprintf("%d of %d replicas are ready", d.ready, d.wanted)
	if d.rolling && d.ready > 0 {
		replicas += ", not all of them as the spec says yet"
	}
	var foreign *workload.ForeignError
	switch {
	case errors.As(d.err, &foreign) && foreign.Leftover:
		return status.Waiting(v1alpha1.ReasonProgressing, d.err.Error())
	case errors.As(d.err, &foreign):
		return status.Waiting(v1alpha1.ReasonOwnedByAnother, d.err.Error())
	case d.err != nil:
		return status.Waiting(v1alpha1.ReasonProgressing, d.err.Error())
	case d.wanted == 0:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, "spec.workload.replicas is 0")
	case d.plain:
		return status.Stalled(v1alpha1.ReasonCertificateMissing,
			d.certificate+"; the server goes on without TLS until there is one")
	case d.available && d.ready > 0 && d.certificate != "":
		return status.Ready(v1alpha1.ReasonSucceeded, replicas+" with the certificate before ("+d.certificate+")")
	case d.available && d.ready > 0:
		return status.Ready(v1alpha1.ReasonSucceeded, replicas)
	case d.certificate != "":
		return status.Stalled(v1alpha1.ReasonCertificateMissing, d.certificate)
	default:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, replicas)
	}
}
