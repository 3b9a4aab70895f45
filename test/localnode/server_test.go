package localnode_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// serverEnv makes this test binary the server that the node's pods run.
const serverEnv = "LOCALNODE_TEST_SERVER"

// serve is a small server with the manners that Kassa's own have: it listens on its pod's address and ends after
// SIGTERM when it has been a lame duck for a moment and answered the requests that it has.
func serve() error {
	fmt.Println("started", os.Args[1:], os.Getenv("VERSION"))
	if os.Getenv("CRASH") != "" {
		return errors.New("crashed as asked")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("NEVER_READY") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, os.Getenv(r.URL.Query().Get("name")))
	})
	mux.HandleFunc("/args", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, os.Args[1:]) })
	mux.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		name, err := whoami(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(w, name)
	})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	server := &http.Server{
		Addr: net.JoinHostPort(os.Getenv("KASSA_BIND_ADDRESS"), "8080"), Handler: mux, ReadHeaderTimeout: time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	for {
		select {
		case err := <-failed:
			return err
		case <-signals:
			if os.Getenv("IGNORE_SIGTERM") != "" {
				fmt.Println("ignored SIGTERM")
				continue
			}
			return shutdown(server)
		}
	}
}

// lameDuck is how long the server still accepts after SIGTERM. A request may have been given its address a moment
// before the pod left its Service.
const lameDuck = 200 * time.Millisecond

func shutdown(server *http.Server) error {
	<-time.After(lameDuck)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

func whoami(ctx context.Context) (string, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return "", err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	review, err := client.AuthenticationV1().SelfSubjectReviews().
		Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return review.Status.UserInfo.Username, nil
}
