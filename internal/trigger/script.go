package trigger

import (
	"fmt"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/shell"
)

// signers are what a shell does to sign $body with $secret at $now, and the header that has it.
var signers = map[billing.Provider]struct{ signed, header string }{
	billing.Stripe:       {`"$now.$body"`, `Stripe-Signature: t=$now,v1=$signature`},
	billing.Paddle:       {`"$now:$body"`, `Paddle-Signature: ts=$now;h1=$signature`},
	billing.LemonSqueezy: {`"$body"`, `X-Signature: $signature`},
}

// sign is a program that signs what it reads. The secret is in no argument, which every user of the machine could see:
// the openssl of most machines takes a key in no other way.
const sign = `import hmac, os, sys; ` +
	`print(hmac.new(os.environ["secret"].encode(), sys.stdin.buffer.read(), "sha256").hexdigest())`

// Script posts an event with curl. The secret is not in it: whoever runs it needs the right to read the Secret.
func Script(r *v1alpha1.WebhookReceiver, p billing.Provider, to string, body []byte) string {
	key := reception.SigningKey(r)
	if key == "" {
		key = "KEY" // any key of the Secret; only its owner knows which
	}
	s := signers[p]
	var out strings.Builder
	fmt.Fprintf(&out, "body=%s\n", shell.Quoted(string(body)))
	fmt.Fprintf(&out, "secret=$(kubectl --namespace %s get secret %s -o go-template=%s)\n", shell.Quoted(r.Namespace),
		shell.Quoted(reception.LiveSecret(r)), shell.Quoted(fmt.Sprintf("{{index .data %q | base64decode}}", key)))
	out.WriteString("now=$(date +%s)\n")
	fmt.Fprintf(&out, "signature=$(printf %%s %s | secret=$secret python3 -c %s)\n", s.signed, shell.Quoted(sign))
	fmt.Fprintf(&out, "curl --include --header 'Content-Type: application/json' --header \"%s\" \\\n"+
		"  --data-binary \"$body\" %s\n", s.header, shell.Quoted(to))
	return out.String()
}
