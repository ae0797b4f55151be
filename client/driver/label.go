package driver

import "context"

type labelKey struct{}

// Label gives the marked transaction a label, by which the log shows and finds it:
// that of the first statement that changes something, or else that of BeginTx, or
// of the statement BEGIN.
func Label(ctx context.Context, label string) context.Context {
	return context.WithValue(ctx, labelKey{}, label)
}

// labelOf is the label in a context, or another.
func labelOf(ctx context.Context, other string) string {
	if label, ok := ctx.Value(labelKey{}).(string); ok {
		return label
	}
	return other
}
