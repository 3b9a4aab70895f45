package provider

import "context"

type operationKey struct{}

// WithOperation names what the requests made with ctx do, such as "create price", for metrics. Names are constants
// of an adapter: they never contain an id.
func WithOperation(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, operationKey{}, name)
}

// OperationOf is the name that WithOperation gave, or "other".
func OperationOf(ctx context.Context) string {
	if name, ok := ctx.Value(operationKey{}).(string); ok {
		return name
	}
	return "other"
}

type backgroundKey struct{}

// WithBackground marks the requests made with ctx as such that can wait: looking for drift, not making what somebody
// has just changed. They leave a part of the account's rate to the others.
func WithBackground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// IsBackground says that WithBackground marked ctx.
func IsBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }
