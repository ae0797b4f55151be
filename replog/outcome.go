package replog

import "fmt"

// Outcome is what the server did with a transaction, or with a part of one.
type Outcome string

// The outcomes.
const (
	// Applied: its changes are in the database.
	Applied Outcome = "applied"
	// Ignored: everything in it was stale; it is in the log only.
	Ignored Outcome = "ignored"
	// Conflict: it met concurrent changes that the rules do not decide.
	Conflict Outcome = "conflict"
	// Rejected: a constraint or a rule refused it.
	Rejected Outcome = "rejected"
	// Held: it builds on a transaction that was not applied.
	Held Outcome = "held"
)

// ParseOutcome accepts the name of an outcome.
func ParseOutcome(s string) (Outcome, error) {
	switch o := Outcome(s); o {
	case Applied, Ignored, Conflict, Rejected, Held:
		return o, nil
	}
	return "", fmt.Errorf("%q is not an outcome: give applied, ignored, conflict, rejected or held", s)
}

// Waits tells whether the outcome asks for a person's decision.
func (o Outcome) Waits() bool { return o == Conflict || o == Rejected || o == Held }

// Reason codes. They are stable; Reason.Detail is for people and may change.
const (
	ReasonStale          = "stale"            // a newer concurrent change won
	ReasonAbsent         = "absent"           // UPDATE or key change of a row that is not there
	ReasonMoved          = "moved"            // the row's key was changed concurrently
	ReasonReplaced       = "replaced"         // the row was deleted and inserted again concurrently
	ReasonExists         = "exists"           // INSERT of a key that exists with other content
	ReasonPartlyStale    = "partly-stale"     // some of a marked transaction was stale
	ReasonConstraint     = "constraint"       // NOT NULL, CHECK, UNIQUE, type of a STRICT table
	ReasonForeignKey     = "foreign-key"      // a parent is missing, or children remain
	ReasonBuildsOnUnsure = "builds-on"        // held: touches what another transaction, not applied, touched
	ReasonSchema         = "schema"           // names a table or a column that the database does not have
	ReasonMalformed      = "malformed-change" // its changes contradict each other
	ReasonAffected       = "affected"         // an intent changed another number of rows than it had to
	ReasonStatement      = "statement"        // SQLite refused an intent for another reason than a constraint
	ReasonUnsafe         = "unsafe"           // an intent might do something else on other replicas
	ReasonLimit          = "limit"            // an intent went past a limit on time, rows or size
	ReasonOptional       = "optional"         // an optional intent failed, and was left out
	ReasonSchemaRight    = "schema-right"     // the device's token does not allow schema statements
	ReasonSchemaClash    = "schema-clash"     // the schema has another object of that name
)

// Reason says why something was not applied.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Part is a set of net changes of one transaction that share a fate which is
// not that of the transaction as a whole, or that explains it.
type Part struct {
	Outcome Outcome `json:"outcome"`
	Reason  Reason  `json:"reason"`
	// Rows are indexes into the transaction's net changes.
	Rows []int `json:"rows"`
	// Columns, where not empty, narrows a part of one row to these columns:
	// the stale ones of an UPDATE that was applied without them.
	Columns []string `json:"columns,omitempty"`
	// Statements are the numbers, among the transaction's statements, of intents
	// that were left out of an applied transaction, as they were optional.
	Statements []int `json:"statements,omitempty"`
}
