package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// newServerLog is the log of a deployed server. It writes JSON to stderr, also for client-go.
func newServerLog(verbose bool, attributes ...any) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With(attributes...)
	sink := logr.FromSlogHandler(log.Handler())
	klog.SetLogger(sink)
	ctrl.SetLogger(sink)
	return log
}

// listen opens a deployed server's ports: what it is for, and its health.
func listen(ctx context.Context, address string, ports ...int) ([]net.Listener, error) {
	out := make([]net.Listener, len(ports))
	var config net.ListenConfig
	for i, port := range ports {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		out[i] = l
	}
	return out, nil
}
