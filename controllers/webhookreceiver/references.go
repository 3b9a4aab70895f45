package webhookreceiver

import (
	"context"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/store"
)

// secretsVerdict is about the Secrets that the server needs for its database and its sinks, in sentences. Values are
// never part of it.
type secretsVerdict struct {
	missing string // what is not there, or is of no use; or nothing
	doubt   string // what works, and should be otherwise; or nothing
}

func (r *Reconciler) judgeSecrets(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver,
) (secretsVerdict, error) {
	var address store.Address
	parts := store.Parts(receiver)
	for _, p := range parts {
		value, problem, err := r.secretValue(ctx, receiver.Namespace, p.SecretKeyReference)
		if err != nil || problem != "" {
			return missing(p.Field, problem), err
		}
		p.Put(&address, value)
	}
	for _, ref := range sinkSecrets(receiver.Spec.Delivery) {
		_, problem, err := r.secretValue(ctx, receiver.Namespace, ref.SecretKeyReference)
		if err != nil || problem != "" {
			return missing(ref.where, problem), err
		}
	}
	if len(parts) == 0 {
		return secretsVerdict{}, nil
	}
	doubt, wrong := store.Judge(address)
	if wrong != nil {
		return missing("spec.store.postgres", wrong.Error()), nil
	}
	return secretsVerdict{doubt: doubt}, nil
}

func missing(where, problem string) secretsVerdict {
	if problem == "" {
		return secretsVerdict{}
	}
	return secretsVerdict{missing: where + ": " + problem}
}

type sinkSecret struct {
	v1alpha1.SecretKeyReference
	where string
}

func sinkSecrets(d *v1alpha1.Delivery) []sinkSecret {
	if d == nil {
		return nil
	}
	var out []sinkSecret
	for i := range d.Sinks {
		at := "spec.delivery.sinks[" + d.Sinks[i].Name + "].http."
		if ref := d.Sinks[i].HTTP.TokenSecretRef; ref != nil {
			out = append(out, sinkSecret{*ref, at + "tokenSecretRef"})
		}
		if ref := d.Sinks[i].HTTP.SigningSecretRef; ref != nil {
			out = append(out, sinkSecret{*ref, at + "signingSecretRef"})
		}
	}
	return out
}
