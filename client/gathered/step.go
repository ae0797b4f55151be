package gathered

import (
	"bytes"

	"replog/applier"
	"replog/replog"
)

// Step is one step of a transaction; mostly there is no other.
type Step struct {
	// Follows: there is a newer step.
	Follows bool
	// Marked and Label are known of the oldest step alone; Time is the transaction's.
	Marked bool
	Label  string
	Time   replog.Millis
	// Intent: it is an intent, or a schema statement.
	Intent bool
	// Schema: it is a schema statement, or a newer step of the transaction is, or
	// will be.
	Schema bool
	// Lines are those of the recorded form, and Net the net changes of an intent, a
	// line each.
	Lines, Net []byte
	Ran        string // as EncodeRan gives it
	// Long are the net changes of an intent, and Rows the row statements with both
	// of their lists, where these are on disk already.
	Long replog.Changes
	Rows *replog.Transaction
}

// Steps makes steps of what is gathered, which comes newest first.
type Steps struct {
	time   replog.Millis // of the transaction at hand
	schema bool
}

// Next makes the next older step.
func (s *Steps) Next(g *applier.Gathered) (*Step, error) {
	if !g.Follows {
		s.time, s.schema = g.Time, g.Open
	}
	s.schema = s.schema || g.Schema != nil
	n := &Step{Follows: g.Follows, Marked: g.Marked, Label: g.Label, Time: s.time, Intent: g.Intent != nil || g.Schema != nil, Schema: s.schema}
	switch {
	case g.Schema != nil:
		n.putSchema(g)
		return n, nil
	case g.Intent != nil:
		return n, n.putIntent(g)
	}
	return n, n.putRows(g)
}

func (n *Step) putSchema(g *applier.Gathered) {
	in := replog.Intent{SQL: g.Schema.SQL, Schema: replog.SchemaRun, Legacy: g.Schema.Legacy, Time: g.Time}
	n.Lines = in.AppendLine(nil)
}

func (n *Step) putRows(g *applier.Gathered) (err error) {
	t := g.Transaction()
	if n.Ran, err = EncodeRan(CollectRan(g.Ran)); err != nil {
		return err
	}
	if t.IsLong() {
		n.Rows = &t
	} else {
		n.Lines = t.EncodeChanges()
	}
	return nil
}

func (n *Step) putIntent(g *applier.Gathered) (err error) {
	net := g.NetChanges()
	in := replog.Intent{
		SQL: g.Intent.SQL, Args: g.Intent.Args, Time: g.Time, Affected: max(g.Intent.Affected, 0),
		Expect: g.Intent.Expect, Optional: g.Intent.Optional, Changes: net.Len(),
	}
	if in.Digest, err = replog.DigestChanges(net); err != nil {
		return err
	}
	n.Lines = in.AppendLine(nil)
	if _, onDisk := net.(replog.ChangeList); !onDisk {
		n.Long = net
		return nil
	}
	return replog.EachChange(net, func(_ int, c *replog.Change) error {
		n.Net = append(c.AppendJSON(n.Net), '\n')
		return nil
	})
}

// NetChanges are those of the step.
func (n *Step) NetChanges() (replog.Changes, error) {
	switch {
	case n.Long != nil:
		return n.Long, nil
	case n.Rows != nil:
		return n.Rows.NetChanges(), nil
	}
	var statements, net replog.ChangeList
	var parser replog.ChangeParser
	to := func(list *replog.ChangeList) func([]byte) error {
		return func(body []byte) error {
			if body == nil {
				net = replog.ChangeList{}
				return nil
			}
			c, err := parser.Parse(body)
			*list = append(*list, c)
			return err
		}
	}
	if !n.Intent {
		err := replog.EachBody(n.Lines, to(&statements), to(&net))
		if net == nil {
			net = statements
		}
		return net, err
	}
	for line := range bytes.Lines(n.Net) {
		if err := to(&net)(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return nil, err
		}
	}
	return net, nil
}

// Transaction gives the step's statements.
func (n *Step) Transaction() (*replog.Transaction, error) {
	form, _ := (&replog.Transaction{}).Frame(n.Lines)
	t, _, err := replog.DecodeTransaction(form)
	return &t, err
}
