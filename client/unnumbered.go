package client

import (
	"slices"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// unnumberedMemory is how much of unnumbered is kept in memory, in bytes.
const unnumberedMemory = 4 << 20

// unnumbered keeps the steps of transactions, which come newest first, until the
// numbers of these are known: in memory, and in a temporary table where they are
// many.
type unnumbered struct {
	conn   *applier.Conn
	memory []*gathered.Step // newest first
	size   int
	table  bool
	count  int64                    // in the table
	long   map[int64]*gathered.Step // of which some is on disk already
	steps  gathered.Steps
}

// put takes the next older step.
func (u *unnumbered) put(g *applier.Gathered) error {
	n, err := u.steps.Next(g)
	if err != nil {
		return err
	}
	u.memory = append(u.memory, n)
	if u.size += len(n.Lines) + len(n.Net); u.size < unnumberedMemory {
		return nil
	}
	return u.spill()
}

// spill moves what is in memory into the table.
func (u *unnumbered) spill() error {
	if !u.table {
		u.table = true
		if err := u.conn.Script("CREATE TEMP TABLE replog_unnumbered(age INTEGER PRIMARY KEY, follows, marked, label, time, intent, schema, lines, net, ran)"); err != nil {
			return err
		}
	}
	for _, n := range u.memory {
		u.count++
		if n.Long != nil || n.Rows != nil {
			u.long[u.count] = n
		}
		err := u.conn.Exec("INSERT INTO temp.replog_unnumbered VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", replog.Integer(u.count), replog.Truth(n.Follows),
			replog.Truth(n.Marked), replog.Text(n.Label), replog.Integer(int64(n.Time)), replog.Truth(n.Intent), replog.Truth(n.Schema), replog.Blob(n.Lines), replog.Blob(n.Net), replog.Text(n.Ran))
		if err != nil {
			return err
		}
	}
	u.memory, u.size = nil, 0
	return nil
}

// each gives all of them, oldest first.
func (u *unnumbered) each(f func(*gathered.Step) error) error {
	for _, n := range slices.Backward(u.memory) {
		if err := f(n); err != nil {
			return err
		}
	}
	if !u.table {
		return nil
	}
	return u.conn.Query("SELECT age, follows, marked, label, time, intent, schema, lines, net, ran FROM temp.replog_unnumbered ORDER BY age DESC", func(row []replog.Value) error {
		n := &gathered.Step{
			Follows: row[1].Int64() != 0, Marked: row[2].Int64() != 0, Label: row[3].Bytes(), Time: replog.Millis(row[4].Int64()), Intent: row[5].Int64() != 0,
			Schema: row[6].Int64() != 0, Lines: []byte(row[7].Bytes()), Net: []byte(row[8].Bytes()), Ran: row[9].Bytes(),
		}
		if long := u.long[row[0].Int64()]; long != nil {
			n.Long, n.Rows = long.Long, long.Rows
		}
		return f(n)
	})
}

// close drops the table.
func (u *unnumbered) close() error {
	if !u.table {
		return nil
	}
	return u.conn.Script("DROP TABLE temp.replog_unnumbered")
}
