package client

import (
	"replog/applier"
	"replog/replog"
)

// unnumberedMemory is how much of unnumbered is kept in memory, in bytes.
const unnumberedMemory = 4 << 20

// unnumbered keeps transactions that come newest first until their numbers are
// known: in memory, and in a temporary table where they are many.
type unnumbered struct {
	conn   *applier.Conn
	memory []numberless // newest first
	size   int
	table  bool
	count  int64 // in the table
}

type numberless struct {
	marked  bool
	label   string
	time    replog.Millis
	changes []byte
}

// put takes the next older one.
func (u *unnumbered) put(g *applier.Gathered) error {
	t := replog.Transaction{Statements: g.Statements}
	t.SetNet(g.Net)
	n := numberless{g.Marked, g.Label, g.Time, t.EncodeChanges()}
	u.memory = append(u.memory, n)
	if u.size += len(n.changes); u.size < unnumberedMemory {
		return nil
	}
	return u.spill()
}

// spill moves what is in memory into the table.
func (u *unnumbered) spill() error {
	if !u.table {
		u.table = true
		if err := u.conn.Script("CREATE TEMP TABLE replog_unnumbered(age INTEGER PRIMARY KEY, marked, label, time, changes)"); err != nil {
			return err
		}
	}
	for _, n := range u.memory {
		u.count++
		marked := int64(0)
		if n.marked {
			marked = 1
		}
		err := u.conn.Exec("INSERT INTO temp.replog_unnumbered VALUES(?, ?, ?, ?, ?)", replog.Integer(u.count),
			replog.Integer(marked), replog.Text(n.label), replog.Integer(int64(n.time)), replog.Blob(n.changes))
		if err != nil {
			return err
		}
	}
	u.memory, u.size = nil, 0
	return nil
}

// each gives all of them, oldest first.
func (u *unnumbered) each(f func(g *applier.Gathered, changes []byte) error) error {
	give := func(n *numberless) error {
		return f(&applier.Gathered{Marked: n.marked, Label: n.label, Time: n.time}, n.changes)
	}
	for i := len(u.memory) - 1; i >= 0; i-- {
		if err := give(&u.memory[i]); err != nil {
			return err
		}
	}
	if !u.table {
		return nil
	}
	return u.conn.Query("SELECT marked, label, time, changes FROM temp.replog_unnumbered ORDER BY age DESC", func(row []replog.Value) error {
		return give(&numberless{row[0].Int64() != 0, row[1].Bytes(), replog.Millis(row[2].Int64()), []byte(row[3].Bytes())})
	})
}

// close drops the table.
func (u *unnumbered) close() error {
	if !u.table {
		return nil
	}
	return u.conn.Script("DROP TABLE temp.replog_unnumbered")
}
