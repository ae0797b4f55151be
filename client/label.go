package client

import (
	"context"

	"replog/client/driver"
)

// Label is [driver.Label]: it gives the marked transactions that an application
// makes through the database/sql driver "replog", which importing this package
// registers, too, a label.
func Label(ctx context.Context, label string) context.Context { return driver.Label(ctx, label) }
