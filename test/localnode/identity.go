package localnode

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLifetime outlives any test or demo, so a token is never renewed.
const tokenLifetime = 48 * time.Hour

// writeIdentity writes a kubeconfig with a token of the pod's ServiceAccount, which the API server takes as long as
// the pod exists. A pod without a serviceAccountName has none: there is no ServiceAccount "default" here.
func (w *worker) writeIdentity(ctx context.Context) (string, error) {
	name := w.pod.Spec.ServiceAccountName
	if name == "" {
		return "", nil
	}
	accounts := w.node.client.CoreV1().ServiceAccounts(w.namespace)
	account, err := accounts.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	mount := w.pod.Spec.AutomountServiceAccountToken
	if mount == nil {
		mount = account.AutomountServiceAccountToken
	}
	if mount != nil && !*mount {
		return "", nil
	}
	seconds := int64(tokenLifetime.Seconds())
	token, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &seconds,
			BoundObjectRef: &authenticationv1.BoundObjectReference{
				Kind: "Pod", APIVersion: "v1", Name: w.name, UID: w.pod.UID,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	tokenFile := filepath.Join(w.dir, "token")
	if err := os.WriteFile(tokenFile, []byte(token.Status.Token), 0o600); err != nil {
		return "", err
	}
	return w.writeKubeconfig(tokenFile)
}

func (w *worker) writeKubeconfig(tokenFile string) (string, error) {
	admin := rest.CopyConfig(w.node.options.Config)
	if err := rest.LoadTLSFiles(admin); err != nil {
		return "", fmt.Errorf("certificate authority of the API server: %w", err)
	}
	const entry = "pod"
	config := clientcmdapi.NewConfig()
	config.Clusters[entry] = &clientcmdapi.Cluster{
		Server: cmp.Or(w.node.options.APIServer, admin.Host), CertificateAuthorityData: admin.CAData,
	}
	config.AuthInfos[entry] = &clientcmdapi.AuthInfo{TokenFile: tokenFile}
	config.Contexts[entry] = &clientcmdapi.Context{Cluster: entry, AuthInfo: entry, Namespace: w.namespace}
	config.CurrentContext = entry
	path := filepath.Join(w.dir, "kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}
