package client

import (
	"context"

	"replog/client/driver"
	"replog/client/gathered"
)

// Optional is [driver.Optional]: the server may do without the statements that run
// under the context.
func Optional(ctx context.Context) context.Context { return driver.Optional(ctx) }

// Expect is [driver.Expect]: each statement that runs under the context is to change
// n rows; below 0, any number.
func Expect(ctx context.Context, n int64) context.Context { return driver.Expect(ctx, n) }

// AsRows is [driver.AsRows]: the changes of the statements that run under the context
// travel as row statements.
func AsRows(ctx context.Context) context.Context { return driver.AsRows(ctx) }

// ExpectError is [driver.ExpectError]: what a statement did not do that Expect asked
// for.
type ExpectError = driver.ExpectError

// RanAs is a statement that an application ran through the driver, and that does not
// travel as an intent.
type RanAs = gathered.RanAs
