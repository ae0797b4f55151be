package client

import (
	"bytes"
	"errors"
	"fmt"

	"replog/applier"
	"replog/replog"
)

// The lists of a long transaction, in replog_long.
const (
	listStatements = iota
	listNet
	listMade
	listLines
)

// longFrom is how long a recorded form is from which on its lists are in
// replog_long, and longPart about how much of a list is in one row there, both in
// bytes.
var longFrom, longPart = 1 << 20, 128 << 10

// SetLong changes from which length on, of the recorded form in bytes, a
// transaction is kept in parts (1 MiB), and how long these are (128 KiB). It is for
// tests, which it shows long transactions without writing long ones, and is called
// before anything else.
func SetLong(from, part int) { longFrom, longPart = from, part }

// partWriter puts a list into replog_long, a change at a time.
type partWriter struct {
	conn         *applier.Conn
	id           int64
	list         int
	first, count int
	bodies       []byte
	written      bool
}

func (w *partWriter) add(body []byte) error {
	w.bodies = append(append(w.bodies, body...), '\n')
	if w.count++; len(w.bodies) < longPart {
		return nil
	}
	return w.flush()
}

func (w *partWriter) flush() error {
	err := w.conn.Exec("INSERT INTO main.replog_long VALUES(?, ?, ?, ?, ?)", replog.Integer(w.id), replog.Integer(int64(w.list)),
		replog.Integer(int64(w.first)), replog.Integer(int64(w.count)), replog.Blob(w.bodies))
	w.first, w.count, w.bodies, w.written = w.first+w.count, 0, w.bodies[:0], true
	return err
}

// end writes what is left.
func (w *partWriter) end() error {
	if w.written && w.count == 0 {
		return nil
	}
	return w.flush()
}

// newLongID gives an id that nothing in replog_long has.
func newLongID(c *applier.Conn) (int64, error) {
	row, err := c.QueryRow("SELECT coalesce(max(id), 0) + 1 FROM main.replog_long")
	if err != nil {
		return 0, err
	}
	return row[0].Int64(), nil
}

// partList is a list in replog_long.
type partList struct {
	conn   *applier.Conn
	id     int64
	list   int
	n      int
	parser replog.ChangeParser
	// bodies are those of one row, from the change with the number first on.
	first  int
	bodies [][]byte
	change replog.Change
}

// longList returns a list of a long transaction, nil where there is none.
func longList(c *applier.Conn, id int64, list int) (replog.Changes, error) {
	rows, err := longRows(c, id, list)
	if rows == nil {
		return nil, err
	}
	return rows, nil
}

func longRows(c *applier.Conn, id int64, list int) (*partList, error) {
	row, err := c.QueryRow("SELECT sum(count) FROM main.replog_long WHERE id = ? AND list = ?", replog.Integer(id), replog.Integer(int64(list)))
	if err != nil || row[0].IsNull() {
		return nil, err
	}
	return &partList{conn: c, id: id, list: list, n: int(row[0].Int64())}, nil
}

// Len implements replog.Changes.
func (l *partList) Len() int { return l.n }

// At implements replog.Changes.
func (l *partList) At(i int) (*replog.Change, error) {
	err := l.reach(i)
	if err != nil {
		return nil, err
	}
	l.change, err = l.parser.Parse(l.bodies[i-l.first])
	return &l.change, err
}

// reach reads the row that holds a change, unless it is at hand.
func (l *partList) reach(i int) error {
	if i >= l.first && i < l.first+len(l.bodies) {
		return nil
	}
	return l.read(i)
}

// read reads the row that holds a change.
func (l *partList) read(i int) error {
	row, err := l.conn.QueryRow("SELECT first, bodies FROM main.replog_long WHERE id = ? AND list = ? AND first <= ? ORDER BY first DESC LIMIT 1",
		replog.Integer(l.id), replog.Integer(int64(l.list)), replog.Integer(int64(i)))
	if err != nil {
		return err
	}
	if row != nil {
		l.first = int(row[0].Int64())
		l.bodies = bytes.Split(bytes.TrimSuffix([]byte(row[1].Bytes()), []byte("\n")), []byte("\n"))
	}
	if row == nil || i >= l.first+len(l.bodies) {
		return fmt.Errorf("a long transaction lacks its change %d", i)
	}
	return nil
}

// isLongForm tells whether a recorded form is in replog_long.
func isLongForm(c *applier.Conn, long replog.Value) (bool, error) {
	if long.IsNull() {
		return false, nil
	}
	row, err := c.QueryRow("SELECT 1 FROM main.replog_long WHERE id = ? AND list <> ? LIMIT 1", long, replog.Integer(listMade))
	return row != nil, err
}

// partLines is a list of lines in replog_long.
type partLines struct {
	partList
	line []byte
}

// At implements replog.Lines.
func (l *partLines) At(i int) (*[]byte, error) {
	if err := l.reach(i); err != nil {
		return nil, err
	}
	l.line = append(append(l.line[:0], l.bodies[i-l.first]...), '\n')
	return &l.line, nil
}

// longForm gives the recorded form of a long transaction, some of it at a time.
type longForm struct {
	conn  *applier.Conn
	id    int64
	begin *replog.Transaction
	list  int // which comes next; -1 where nothing has come
	first int
	done  bool
	form  replog.FormWriter
	hash  replog.Hash // at the end
}

// next returns the next lines, nil at the end.
func (f *longForm) next() ([]byte, error) {
	if f.done {
		return nil, nil
	}
	if f.list < 0 {
		f.list = listStatements
		return f.form.Begin(f.begin), nil
	}
	for ; f.list <= listLines; f.list, f.first = f.list+1, 0 {
		if f.list == listMade {
			continue
		}
		row, err := f.conn.QueryRow("SELECT count, bodies FROM main.replog_long WHERE id = ? AND list = ? AND first = ?",
			replog.Integer(f.id), replog.Integer(int64(f.list)), replog.Integer(int64(f.first)))
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		count := int(row[0].Int64())
		if f.list == listLines {
			f.first += count
			return f.form.Line([]byte(row[1].Bytes())), nil
		}
		if count == 0 {
			f.list++
			return f.form.NoNet(), nil
		}
		f.first += count
		line := f.form.Statement
		if f.list == listNet {
			line = f.form.Net
		}
		var lines []byte
		for body := range bytes.Lines([]byte(row[1].Bytes())) {
			lines = append(lines, line(bytes.TrimSuffix(body, []byte("\n")))...)
		}
		return lines, nil
	}
	f.done = true
	end, hash := f.form.End()
	f.hash = hash
	return end, nil
}

// bodies calls put for the body of each statement and then of each net change,
// and with listNet and nil where there are no net changes.
type bodies func(put func(list int, body []byte) error) error

// bodiesOf are those of a transaction.
func bodiesOf(t *replog.Transaction) bodies {
	return func(put func(list int, body []byte) error) error {
		var body []byte
		each := func(list int, changes replog.Changes) error {
			return replog.EachChange(changes, func(_ int, c *replog.Change) error {
				body = c.AppendJSON(body[:0])
				return put(list, body)
			})
		}
		net := t.RecordedNet()
		err := each(listStatements, t.RecordedStatements())
		if err == nil && net != nil {
			err = each(listNet, net)
		}
		if err == nil && net != nil && net.Len() == 0 {
			err = put(listNet, nil)
		}
		return err
	}
}

// bodiesIn are those in lines that replog.Transaction.EncodeChanges made.
func bodiesIn(lines []byte) bodies {
	return func(put func(list int, body []byte) error) error {
		return replog.EachBody(lines,
			func(body []byte) error { return put(listStatements, body) },
			func(body []byte) error { return put(listNet, body) })
	}
}

// addLong puts what a transaction records into replog_long, and it into the
// outbox.
func (o outbox) addLong(t *replog.Transaction, each bodies, ran string) error {
	id, err := newLongID(o.Conn)
	if err != nil {
		return err
	}
	var form replog.FormWriter
	first := bytes.Clone(form.Begin(t))
	size := len(first)
	w := partWriter{conn: o.Conn, id: id}
	err = each(func(list int, body []byte) error {
		if list != w.list {
			if err := w.end(); err != nil {
				return err
			}
			w = partWriter{conn: o.Conn, id: id, list: list}
		}
		switch {
		case list == listStatements:
			size += len(form.Statement(body))
		case body == nil:
			size += len(form.NoNet())
			return nil
		default:
			size += len(form.Net(body))
		}
		return w.add(body)
	})
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return err
	}
	end, hash := form.End()
	return o.insert(&outboxRow{t: t, hash: hash, recorded: first, size: size + len(end), long: replog.Integer(id), ran: ran})
}

// noteMade replaces what a transaction has in the tables, where that is in
// replog_long; nil for its net changes.
func (o outbox) noteMade(id int64, made replog.Changes) error {
	err := o.Exec("DELETE FROM main.replog_long WHERE id = ? AND list = ?", replog.Integer(id), replog.Integer(listMade))
	if err != nil || made == nil {
		return err
	}
	w := partWriter{conn: o.Conn, id: id, list: listMade}
	var body []byte
	err = replog.EachChange(made, func(_ int, c *replog.Change) error {
		body = c.AppendJSON(body[:0])
		return w.add(body)
	})
	return errors.Join(err, w.end())
}

// forgetLong takes the lists of a long transaction away, unless something still
// needs them. 0 is none.
func forgetLong(c *applier.Conn, id int64) error {
	if id == 0 {
		return nil
	}
	return c.Exec(`DELETE FROM main.replog_long WHERE id = ?1
		AND NOT EXISTS(SELECT 1 FROM main.replog_outbox WHERE long = ?1)
		AND NOT EXISTS(SELECT 1 FROM main.replog_conflict WHERE long = ?1)
		AND NOT EXISTS(SELECT 1 FROM main.replog_kept WHERE long = ?1)
		AND NOT EXISTS(SELECT 1 FROM main.replog_late WHERE long = ?1)`, replog.Integer(id))
}

// decodeStored reads a transaction from its columns recorded and long.
func decodeStored(c *applier.Conn, recorded, long replog.Value) (*replog.Transaction, error) {
	if is, err := isLongForm(c, long); err != nil {
		return nil, err
	} else if !is {
		t, _, err := replog.DecodeTransaction([]byte(recorded.Bytes()))
		return &t, err
	}
	t, err := replog.Begun([]byte(recorded.Bytes()))
	if err != nil {
		return nil, err
	}
	lines, err := longRows(c, long.Int64(), listLines)
	if err != nil {
		return nil, err
	}
	if lines != nil {
		steps, err := replog.NewLineSteps(&partLines{partList: *lines})
		t.SetLongSteps(steps)
		return t, err
	}
	statements, err := longList(c, long.Int64(), listStatements)
	if err != nil {
		return nil, err
	}
	net, err := longList(c, long.Int64(), listNet)
	if err != nil {
		return nil, err
	}
	t.SetLong(statements, net)
	return t, nil
}
