package gathered

import (
	"bytes"
	_ "embed"
	"errors"
	"io"

	"replog/applier"
	"replog/replog"
)

// TableSQL creates the table in which steps are put aside.
//
//go:embed aside.sql
var TableSQL string

// partSize is about how much of a long list is in one row, in bytes.
const partSize = 128 << 10

// SetAside puts aside what capture has gathered, in the application's transaction,
// whose mark is open: a schema statement follows. No time in it is before last.
func SetAside(r *applier.Replica, last replog.Millis) error {
	row, err := r.QueryRow("SELECT coalesce(max(batch), 0) + 1, coalesce(max(time), 0) FROM main.replog_gathered")
	if err != nil {
		return err
	}
	w := writer{conn: r.Conn, batch: row[0]}
	var steps Steps
	return r.SetAside(max(last, replog.Millis(row[1].Int64())), func(g *applier.Gathered) error {
		n, err := steps.Next(g)
		if err != nil {
			return err
		}
		n.Follows = n.Follows || g.Open
		return w.put(n)
	})
}

// writer writes the steps of a batch.
type writer struct {
	conn  *applier.Conn
	batch replog.Value
	age   int64
	part  int64
}

func (w *writer) put(n *Step) error {
	w.age++
	w.part = 0
	if err := w.insert(n, n.Lines, n.Net); err != nil {
		return err
	}
	switch {
	case n.Rows != nil:
		return w.putRows(n)
	case n.Long != nil:
		return w.putList(n, n.Long, func(b []byte) error { return w.insert(n, nil, b) })
	}
	return nil
}

func (w *writer) putRows(n *Step) error {
	err := w.putList(n, n.Rows.RecordedStatements(), func(b []byte) error { return w.insert(n, b, nil) })
	net := n.Rows.RecordedNet()
	if err != nil || net == nil {
		return err
	}
	if net.Len() == 0 {
		return w.insert(n, nil, noNet)
	}
	return w.putList(n, net, func(b []byte) error { return w.insert(n, nil, b) })
}

// noNet says that there are no net changes.
var noNet = []byte("\n")

func (w *writer) putList(n *Step, list replog.Changes, put func([]byte) error) error {
	var b []byte
	err := replog.EachChange(list, func(_ int, c *replog.Change) error {
		if b = append(c.AppendJSON(b), '\n'); len(b) < partSize {
			return nil
		}
		err := put(b)
		b = b[:0]
		return err
	})
	if err == nil && len(b) > 0 {
		err = put(b)
	}
	return err
}

func (w *writer) insert(n *Step, lines, net []byte) error {
	err := w.conn.Exec("INSERT INTO main.replog_gathered VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		w.batch, replog.Integer(w.age), replog.Integer(w.part), replog.Truth(n.Follows), replog.Truth(n.Marked), replog.Text(n.Label),
		replog.Integer(int64(n.Time)), replog.Truth(n.Intent), replog.Truth(n.Schema), replog.Blob(lines), replog.Blob(net), replog.Text(n.Ran))
	w.part++
	return err
}

// Aside are the steps that were put aside. Close lets go of what long ones take on
// disk.
type Aside struct {
	conn   *applier.Conn
	spills []io.Closer
}

// OpenAside reads them.
func OpenAside(c *applier.Conn) *Aside { return &Aside{conn: c} }

// Any tells whether there are some.
func (a *Aside) Any() (bool, error) {
	row, err := a.conn.QueryRow("SELECT 1 FROM main.replog_gathered LIMIT 1")
	return row != nil, err
}

// Last is the latest time of a step, 0 for none.
func (a *Aside) Last() (replog.Millis, error) {
	row, err := a.conn.QueryRow("SELECT coalesce(max(time), 0) FROM main.replog_gathered")
	if err != nil {
		return 0, err
	}
	return replog.Millis(row[0].Int64()), nil
}

// Each gives all of them, oldest first, valid until Close. That the newest one
// follows says that the first step in the change table belongs to its transaction.
func (a *Aside) Each(f func(*Step) error) error {
	var n *Step
	var list longStep
	give := func() error {
		if n == nil {
			return nil
		}
		if err := list.into(n); err != nil {
			return err
		}
		return f(n)
	}
	const all = `SELECT part, follows, marked, label, time, intent, schema, lines, net, ran
		FROM main.replog_gathered ORDER BY batch, age DESC, part`
	err := a.conn.Query(all, func(row []replog.Value) error {
		lines, net := []byte(row[7].Bytes()), []byte(row[8].Bytes())
		if row[0].Int64() > 0 {
			return list.add(a, lines, net)
		}
		err := give()
		n, list = &Step{
			Follows: row[1].Int64() != 0, Marked: row[2].Int64() != 0, Label: row[3].Bytes(), Time: replog.Millis(row[4].Int64()),
			Intent: row[5].Int64() != 0, Schema: row[6].Int64() != 0, Lines: lines, Net: net, Ran: row[9].Bytes(),
		}, longStep{}
		return err
	})
	if err != nil {
		return err
	}
	return give()
}

// Forget takes them away.
func (a *Aside) Forget() error { return a.conn.Exec("DELETE FROM main.replog_gathered") }

// Close lets go of what is on disk.
func (a *Aside) Close() error {
	var err error
	for _, s := range a.spills {
		err = errors.Join(err, s.Close())
	}
	return err
}

// longStep are the lists of a long step.
type longStep struct {
	statements, net *replog.Spill[replog.Change]
	parser          replog.ChangeParser
}

func (l *longStep) add(a *Aside, lines, net []byte) error {
	if l.statements == nil && len(lines) > 0 {
		l.statements = replog.NewChangeSpill()
		a.spills = append(a.spills, l.statements)
	}
	if l.net == nil && len(net) > 0 {
		l.net = replog.NewChangeSpill()
		a.spills = append(a.spills, l.net)
	}
	if err := l.addTo(l.statements, lines); err != nil || bytes.Equal(net, noNet) {
		return err
	}
	return l.addTo(l.net, net)
}

func (l *longStep) addTo(list *replog.Spill[replog.Change], bodies []byte) error {
	for line := range bytes.Lines(bodies) {
		c, err := l.parser.Parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return err
		}
		if err := list.Add(c); err != nil {
			return err
		}
	}
	return nil
}

func (l *longStep) into(n *Step) error {
	switch {
	case l.statements == nil && l.net == nil:
	case n.Intent:
		n.Long = l.net
	case l.net == nil:
		n.Rows = &replog.Transaction{}
		n.Rows.SetLong(l.statements, nil)
	default:
		n.Rows = &replog.Transaction{}
		n.Rows.SetLong(l.statements, l.net)
	}
	return nil
}
