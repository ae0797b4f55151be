package client

import (
	"slices"

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
	long   map[int64]*replog.Transaction
}

type numberless struct {
	marked  bool
	label   string
	time    replog.Millis
	changes []byte
	long    *replog.Transaction // has the changes where they are on disk already
}

// put takes the next older one.
func (u *unnumbered) put(g *applier.Gathered) error {
	t := g.Transaction()
	n := numberless{marked: g.Marked, label: g.Label, time: g.Time}
	if t.IsLong() {
		n.long = &t
	} else {
		n.changes = t.EncodeChanges()
	}
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
		if n.long != nil {
			u.long[u.count] = n.long
		}
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
func (u *unnumbered) each(f func(*numberless) error) error {
	for i := range slices.Backward(u.memory) {
		if err := f(&u.memory[i]); err != nil {
			return err
		}
	}
	if !u.table {
		return nil
	}
	return u.conn.Query("SELECT age, marked, label, time, changes FROM temp.replog_unnumbered ORDER BY age DESC", func(row []replog.Value) error {
		return f(&numberless{row[1].Int64() != 0, row[2].Bytes(), replog.Millis(row[3].Int64()), []byte(row[4].Bytes()), u.long[row[0].Int64()]})
	})
}

// close drops the table.
func (u *unnumbered) close() error {
	if !u.table {
		return nil
	}
	return u.conn.Script("DROP TABLE temp.replog_unnumbered")
}
