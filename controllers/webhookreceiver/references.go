package webhookreceiver

import (
	"context"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// missingSecret says in a sentence which Secret that the server needs for its database and its sinks is not there, or
// nothing. Values are never part of it.
func (r *Reconciler) missingSecret(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (string, error) {
	for _, ref := range serverSecrets(&receiver.Spec) {
		_, problem, err := r.secretValue(ctx, receiver.Namespace, ref.SecretKeyReference)
		if err != nil || problem != "" {
			if problem != "" {
				problem = ref.where + ": " + problem
			}
			return problem, err
		}
	}
	return "", nil
}

type serverSecret struct {
	v1alpha1.SecretKeyReference
	where string
}

func serverSecrets(spec *v1alpha1.WebhookReceiverSpec) []serverSecret {
	var out []serverSecret
	if store := spec.Store; store != nil && store.Postgres != nil {
		out = append(out, serverSecret{store.Postgres.DSNSecretRef, "spec.store.postgres.dsnSecretRef"})
	}
	if d := spec.Delivery; d != nil {
		for i := range d.Sinks {
			at := "spec.delivery.sinks[" + d.Sinks[i].Name + "].http."
			if ref := d.Sinks[i].HTTP.TokenSecretRef; ref != nil {
				out = append(out, serverSecret{*ref, at + "tokenSecretRef"})
			}
			if ref := d.Sinks[i].HTTP.SigningSecretRef; ref != nil {
				out = append(out, serverSecret{*ref, at + "signingSecretRef"})
			}
		}
	}
	return out
}
