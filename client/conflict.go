package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"replog/replog"
)

// The states of a conflict.
const (
	StateWaiting   = "waiting"   // for a person
	StateNoted     = "noted"     // stale; it asks for nothing
	StateDiscarded = "discarded" // a person decided to leave it
)

// Conflict is a transaction, or a part of one, that was not applied.
type Conflict struct {
	// ID is the seq, or seq.part where a transaction has several. Those that the
	// file had under a former identity are called former-N.
	ID string `json:"id"`
	// Device is the identity that recorded it, where that is a former one.
	Device     replog.DeviceID `json:"device,omitempty"`
	Seq        replog.Seq      `json:"seq"`
	Revision   replog.Revision `json:"revision"`
	Outcome    replog.Outcome  `json:"outcome"`
	Reason     replog.Reason   `json:"reason"`
	State      string          `json:"state"`
	Label      string          `json:"label,omitempty"`
	RecordedAt replog.Millis   `json:"recorded_at"`
	// Changes are the net changes that were not applied; of an UPDATE that was
	// applied in part, only the stale columns. Of a transaction with intents they are
	// those of its row statements.
	Changes []replog.Change `json:"changes"`
	// Statements are those of a transaction with intents; where these were left out
	// of one that was applied, they alone.
	Statements []replog.LogStatement `json:"statements,omitempty"`
	// stored and part are where it is kept.
	stored replog.Seq
	part   int
}

// addConflicts keeps what a verdict says was not applied.
func (d *Device) addConflicts(p *pending, v *replog.Verdict) error {
	parts := v.Parts
	if len(parts) == 0 && v.Outcome == replog.Applied {
		return nil
	}
	recorded, long, err := d.outbox().stored(p)
	if err != nil {
		return err
	}
	if len(parts) == 0 && v.Outcome != replog.Applied {
		return fmt.Errorf("%w: %s without parts", replog.ErrForm, v.Outcome)
	}
	// What a device found and may not send stays in its file, which is told anyway.
	derived := false
	if p.schema != noSchema {
		t, err := d.outbox().load(p)
		if err != nil {
			return err
		}
		derived = t.Steps != nil && t.Steps[0].Intent != nil && t.Steps[0].Intent.Schema == replog.SchemaDerived
	}
	for i := range parts {
		state := StateNoted
		if parts[i].Outcome.Waits() && !(derived && parts[i].Reason.Code == replog.ReasonSchemaRight) {
			state = StateWaiting
		}
		text, err := json.Marshal(parts[i])
		if err != nil {
			return err
		}
		err = d.replica.Exec("INSERT INTO main.replog_conflict VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			replog.Integer(int64(v.Seq)), replog.Integer(int64(i+1)), replog.Integer(int64(v.Revision)),
			replog.Text(string(text)), recorded, replog.Text(state), long, namesValue(v.Tables))
		if err != nil {
			return err
		}
	}
	return nil
}

// storedConflict is a row of replog_conflict.
type storedConflict struct {
	seq         replog.Seq // below 0 of a former identity
	number      int
	revision    replog.Revision
	part        replog.Part
	state       string
	transaction *replog.Transaction
	tables      []string // that its intents may write
}

// namesValue and readNames keep a list of names in a column.
func namesValue(names []string) replog.Value {
	if len(names) == 0 {
		return replog.Text("")
	}
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings always encode
	}
	return replog.Text(string(b))
}

func readNames(v replog.Value) (names []string, err error) {
	if v.Bytes() != "" {
		err = json.Unmarshal([]byte(v.Bytes()), &names)
	}
	return names, err
}

func (d *Device) conflicts() ([]*storedConflict, error) {
	var list []*storedConflict
	err := d.replica.Query("SELECT seq, part, revision, verdict, recorded, state, long, tables FROM main.replog_conflict ORDER BY seq > 0, abs(seq), part", func(row []replog.Value) error {
		c := &storedConflict{
			seq: replog.Seq(row[0].Int64()), number: int(row[1].Int64()), revision: replog.Revision(row[2].Int64()), state: row[5].Bytes(),
		}
		if err := json.Unmarshal([]byte(row[3].Bytes()), &c.part); err != nil {
			return fmt.Errorf("conflict %d.%d: %w", c.seq, c.number, err)
		}
		var err error
		if c.tables, err = readNames(row[7]); err != nil {
			return fmt.Errorf("conflict %d.%d: %w", c.seq, c.number, err)
		}
		if c.transaction, err = decodeStored(d.replica.Conn, row[4], row[6]); err != nil {
			return fmt.Errorf("conflict %d.%d: %w", c.seq, c.number, err)
		}
		list = append(list, c)
		return nil
	})
	return list, busy(d.path, err)
}

// Conflicts lists what was not applied, oldest first, what a person has
// discarded included.
func (d *Device) Conflicts(context.Context) ([]Conflict, error) {
	stored, err := d.conflicts()
	if err != nil {
		return nil, err
	}
	list := make([]Conflict, 0, len(stored))
	for _, c := range stored {
		several := slices.ContainsFunc(stored, func(o *storedConflict) bool { return o.seq == c.seq && o.number != c.number })
		shown, err := c.show(several)
		if err != nil {
			return nil, busy(d.path, err)
		}
		list = append(list, shown)
	}
	return list, nil
}

func (c *storedConflict) show(several bool) (Conflict, error) {
	changes, err := c.changes()
	if err != nil {
		return Conflict{}, err
	}
	statements, err := c.statements()
	id, former := strconv.FormatInt(int64(c.seq), 10), replog.DeviceID("")
	if c.seq < 0 {
		id, former = "former-"+strconv.FormatInt(-int64(c.seq), 10), c.transaction.Device
	}
	if several {
		id += "." + strconv.Itoa(c.number)
	}
	return Conflict{
		ID: id, Device: former, Seq: c.transaction.Seq, Revision: c.revision, Outcome: c.part.Outcome, Reason: c.part.Reason, State: c.state,
		Label: c.transaction.Label, RecordedAt: c.transaction.Time, Changes: changes, Statements: statements, stored: c.seq, part: c.number,
	}, err
}

// statements are those of a transaction with intents.
func (c *storedConflict) statements() ([]replog.LogStatement, error) {
	if !c.transaction.HasIntents() {
		return nil, nil
	}
	var list []replog.LogStatement
	err := c.transaction.EachStatement(func(n int, s *replog.Statement) error {
		if len(c.part.Statements) == 0 || slices.Contains(c.part.Statements, n) {
			list = append(list, rendered(s))
		}
		return nil
	})
	return list, err
}

func (c *storedConflict) changes() ([]replog.Change, error) {
	net := c.transaction.NetChanges()
	var list []replog.Change
	for _, n := range c.part.Rows {
		if n < 0 || n >= net.Len() {
			continue
		}
		at, err := net.At(n)
		if err != nil {
			return nil, err
		}
		change := *at
		if len(c.part.Columns) > 0 {
			change = change.Only(c.part.Columns)
		}
		list = append(list, change)
	}
	return list, nil
}

// Conflict returns one, by its ID; *NotFoundError where there is none.
func (d *Device) Conflict(ctx context.Context, id string) (*Conflict, error) {
	list, err := d.Conflicts(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
	}
	var ids []string
	for i := range list {
		if strings.HasPrefix(list[i].ID, id+".") {
			ids = append(ids, list[i].ID)
		}
	}
	hint := fmt.Sprintf("`replog conflicts list %s` lists them", d.path)
	if len(ids) > 0 {
		hint = "this transaction has several: " + strings.Join(ids, ", ")
	}
	return nil, &NotFoundError{What: fmt.Sprintf("%s has no conflict %q", d.path, id), Hint: hint}
}

// Discard leaves a conflict as it is: it waits no longer, and stays in the list.
func (d *Device) Discard(ctx context.Context, id string) error {
	return locked(ctx, d.path, d.options, func() error {
		c, err := d.Conflict(ctx, id)
		if err != nil {
			return err
		}
		return d.write(func() error {
			return d.replica.Exec("UPDATE main.replog_conflict SET state = ? WHERE seq = ? AND part = ?",
				replog.Text(StateDiscarded), replog.Integer(int64(c.stored)), replog.Integer(int64(c.part)))
		})
	})
}

// waiting counts the conflicts that wait for a person.
func (d *Device) waiting() (int, error) {
	row, err := d.replica.QueryRow("SELECT count(*) FROM main.replog_conflict WHERE state = ?", replog.Text(StateWaiting))
	if err != nil {
		return 0, busy(d.path, err)
	}
	return int(row[0].Int64()), nil
}
