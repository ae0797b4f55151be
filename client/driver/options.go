package driver

import (
	"context"
	"fmt"
)

type optionsKey struct{}

// options are what a context says of the statements that run under it.
type options struct {
	optional, rows bool
	// expect is how many rows are to change, -1 for any number; nil: nothing is
	// said.
	expect *int64
}

func optionsOf(ctx context.Context) options {
	o, _ := ctx.Value(optionsKey{}).(options)
	return o
}

func (o options) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, optionsKey{}, o)
}

// Optional says of the statements that run under the context that the server may do
// without them: where one cannot be run there, the rest of its transaction is
// applied all the same. It has no meaning for a statement whose changes travel as
// row statements.
func Optional(ctx context.Context) context.Context {
	o := optionsOf(ctx)
	o.optional = true
	return o.in(ctx)
}

// Expect says how many rows each INSERT, UPDATE or DELETE that runs under the context
// is to change, here and at the server. Here another number ends in an *[ExpectError],
// and the statement has done nothing, as where it fails; a transaction that it is in
// goes on. At the server it is a conflict. Without Expect, the server takes a
// statement that changed one row here if it changes one there, and one that changed
// several if it changes any.
//
// With n below 0 any number will do, here and there. Of a statement whose changes
// travel as row statements only this device knows what was expected.
//
// Rows that such a statement returns are read to the end before the application
// gets the first.
func Expect(ctx context.Context, n int64) context.Context {
	o := optionsOf(ctx)
	o.expect = &n
	return o.in(ctx)
}

// AsRows has the changes of the statements that run under the context travel as row
// statements, whether or not they could be run again elsewhere.
func AsRows(ctx context.Context) context.Context {
	o := optionsOf(ctx)
	o.rows = true
	return o.in(ctx)
}

// ExpectError says that a statement changed another number of rows than [Expect]
// asked for. Nothing of it is left.
type ExpectError struct{ Want, Got int64 }

func (e *ExpectError) Error() string {
	rows := "rows"
	if e.Got == 1 {
		rows = "row"
	}
	return fmt.Sprintf("it changes %d %s, and is to change %d", e.Got, rows, e.Want)
}

// expects tells whether a certain number of rows is to change.
func (o options) expects() bool { return o.expect != nil && *o.expect >= 0 }
