package store

import (
	"context"
	"log/slog"
)

// discreet is a log in which libraries do not repeat what the database says.
func discreet(log *slog.Logger) *slog.Logger { return slog.New(discretion{log.Handler()}) }

type discretion struct{ slog.Handler }

func (d discretion) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(Brief(err))
		}
		out.AddAttrs(a)
		return true
	})
	return d.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (d discretion) WithAttrs(a []slog.Attr) slog.Handler { return discretion{d.Handler.WithAttrs(a)} }

// WithGroup implements slog.Handler.
func (d discretion) WithGroup(name string) slog.Handler { return discretion{d.Handler.WithGroup(name)} }
