package client

import (
	"slices"

	"replog/applier"
	"replog/replog"
)

// unnumberedMemory is how much of unnumbered is kept in memory, in bytes.
const unnumberedMemory = 4 << 20

// unnumbered keeps the steps of transactions, which come newest first, until the
// numbers of these are known: in memory, and in a temporary table where they are
// many.
type unnumbered struct {
	conn   *applier.Conn
	memory []numberless // newest first
	size   int
	table  bool
	count  int64 // in the table
	long   map[int64]replog.Changes
	time   replog.Millis // of the transaction at hand
}

// numberless is one step of a transaction; mostly there is no other.
type numberless struct {
	// follows: there is a newer step.
	follows bool
	// marked and label are known of the oldest step alone; time is the transaction's.
	marked bool
	label  string
	time   replog.Millis
	intent bool
	// lines are those of the recorded form, and net the net changes of an intent, a
	// line each.
	lines, net []byte
	ran        string // as encodeRan gives it
	// long are the net changes of an intent, where they are many or long, or the
	// transaction has both lists of row statements, where these are on disk already.
	long replog.Changes
}

// longRowLists are the lists of row statements that are on disk.
type longRowLists struct {
	replog.Changes // the net changes
	of             *replog.Transaction
}

// put takes the next older step.
func (u *unnumbered) put(g *applier.Gathered) error {
	if !g.Follows {
		u.time = g.Time
	}
	n := numberless{follows: g.Follows, marked: g.Marked, label: g.Label, time: u.time, intent: g.Intent != nil}
	var err error
	if n.intent {
		err = n.putIntent(g)
	} else {
		err = n.putRows(g)
	}
	if err != nil {
		return err
	}
	u.memory = append(u.memory, n)
	if u.size += len(n.lines) + len(n.net); u.size < unnumberedMemory {
		return nil
	}
	return u.spill()
}

func (n *numberless) putRows(g *applier.Gathered) (err error) {
	t := g.Transaction()
	if n.ran, err = encodeRan(collectRan(g.Ran)); err != nil {
		return err
	}
	if t.IsLong() {
		n.long = &longRowLists{g.NetChanges(), &t}
	} else {
		n.lines = t.EncodeChanges()
	}
	return nil
}

func (n *numberless) putIntent(g *applier.Gathered) (err error) {
	net := g.NetChanges()
	in := replog.Intent{
		SQL: g.Intent.SQL, Args: g.Intent.Args, Time: g.Time, Affected: max(g.Intent.Affected, 0),
		Expect: g.Intent.Expect, Optional: g.Intent.Optional, Changes: net.Len(),
	}
	if in.Digest, err = replog.DigestChanges(net); err != nil {
		return err
	}
	t := replog.Transaction{Steps: []replog.Step{{Intent: &in}}}
	n.lines = t.EncodeChanges()
	if _, inMemory := net.(replog.ChangeList); inMemory {
		var whole bool
		if n.net, whole, err = lines(net); err != nil || whole {
			return err
		}
	}
	n.long = net
	return nil
}

// spill moves what is in memory into the table.
func (u *unnumbered) spill() error {
	if !u.table {
		u.table = true
		if err := u.conn.Script("CREATE TEMP TABLE replog_unnumbered(age INTEGER PRIMARY KEY, follows, marked, label, time, intent, lines, net, ran)"); err != nil {
			return err
		}
	}
	for _, n := range u.memory {
		u.count++
		if n.long != nil {
			u.long[u.count] = n.long
		}
		err := u.conn.Exec("INSERT INTO temp.replog_unnumbered VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", replog.Integer(u.count), truth(n.follows),
			truth(n.marked), replog.Text(n.label), replog.Integer(int64(n.time)), truth(n.intent), replog.Blob(n.lines), replog.Blob(n.net), replog.Text(n.ran))
		if err != nil {
			return err
		}
	}
	u.memory, u.size = nil, 0
	return nil
}

func truth(b bool) replog.Value {
	if b {
		return replog.Integer(1)
	}
	return replog.Integer(0)
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
	return u.conn.Query("SELECT age, follows, marked, label, time, intent, lines, net, ran FROM temp.replog_unnumbered ORDER BY age DESC", func(row []replog.Value) error {
		return f(&numberless{
			follows: row[1].Int64() != 0, marked: row[2].Int64() != 0, label: row[3].Bytes(), time: replog.Millis(row[4].Int64()), intent: row[5].Int64() != 0,
			lines: []byte(row[6].Bytes()), net: []byte(row[7].Bytes()), ran: row[8].Bytes(), long: u.long[row[0].Int64()],
		})
	})
}

// close drops the table.
func (u *unnumbered) close() error {
	if !u.table {
		return nil
	}
	return u.conn.Script("DROP TABLE temp.replog_unnumbered")
}
