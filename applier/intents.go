package applier

import (
	"slices"
)

// Intents inspects and runs intents on a replica. It is for the goroutine that the
// replica is for.
type Intents struct {
	r       *Replica
	o       IntentOptions
	catalog *catalog
	version int64 // of the schema that catalog is of
	live    liveState
	cache   map[string]*Inspection
	mode    intentMode
	// captured is what capture numbers the tables of a schema by.
	captured *captured
	guard    guard
}

// IntentOptions says what a connection is for.
type IntentOptions struct {
	// Live: the connection is an application's, so that its settings count, and
	// nothing is run. Otherwise it is one of Open's.
	Live bool
	// Triggers are the SQL texts of the application's triggers, in order of
	// creation, where they are kept elsewhere than in the database's schema. What
	// of them is in the schema is there as well.
	Triggers []string
	// Limits bound what an intent may cost.
	Limits Limits
}

// NewIntents makes ready to inspect and run intents on a replica.
func NewIntents(r *Replica, o IntentOptions) *Intents {
	return &Intents{r: r, o: o, version: -1, cache: map[string]*Inspection{}}
}

// maxNesting bounds how deep parentheses may nest, as the work on a text is in
// proportion to that too. SQLite's own bound is on the depth of expressions, 1,000.
const maxNesting = 200

// maxInspections bounds the inspections that are kept.
const maxInspections = 1_000

// Inspect looks at one statement without running it. What speaks against running
// it elsewhere is in Inspection.Unsafe; errors are those of the database.
//
// SQLite compiles the statement under an authorizer that allows reading and writing
// the database's tables and nothing else
// (https://www.sqlite.org/c3ref/set_authorizer.html). What it does not tell, such as
// ORDER BY, is read from the texts of the statement and of the views and triggers
// that take part. Where that does not decide, the statement is unsafe.
func (x *Intents) Inspect(sql string) (*Inspection, error) {
	if err := x.refresh(); err != nil {
		return nil, err
	}
	if known := x.cache[sql]; known != nil {
		return known, nil
	}
	i, err := x.inspect(sql)
	if err != nil || len(sql) > maxCached {
		return i, err
	}
	if len(x.cache) >= maxInspections {
		clear(x.cache)
	}
	x.cache[sql] = i
	return i, nil
}

// refresh reads the schema again where it has changed, but for what run changes of
// it itself.
func (x *Intents) refresh() error {
	if x.catalog != nil && !x.o.Live {
		if x.catalog.schema == x.r.Schema {
			return nil
		}
	}
	if x.o.Live {
		if known, err := x.readLive(); err != nil || known {
			return err
		}
	}
	triggers, err := x.triggers()
	if err != nil {
		return err
	}
	if x.catalog, err = readCatalog(x.r, triggers); err != nil {
		return err
	}
	x.version = x.r.version
	clear(x.cache)
	return nil
}

// SetTriggers gives the triggers' texts, where these are kept elsewhere and a schema
// statement has changed them.
func (x *Intents) SetTriggers(texts []string) {
	x.o.Triggers, x.catalog = texts, nil
	clear(x.cache)
}

// triggers lists the application's triggers in order of creation.
func (x *Intents) triggers() ([]trigger, error) {
	if x.o.Triggers == nil {
		if x.r.aside != nil {
			return x.r.aside, nil
		}
		list, err := x.r.triggersOfTables()
		return slices.DeleteFunc(list, func(t trigger) bool { return t.own() }), err
	}
	var list []trigger
	for _, sql := range x.o.Triggers {
		shape := parseTrigger(sql)
		if x.r.Schema.Table(shape.table) == nil {
			continue
		}
		list = append(list, trigger{name: shape.name, table: shape.table, sql: sql})
	}
	return list, nil
}
