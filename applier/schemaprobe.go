package applier

import (
	"context"
	"fmt"
	"strings"
	"time"

	"replog/replog"
)

// What a row may cost that is written to a table of a schema statement, in bytes and
// in time.
const (
	probeLength = 4 << 20
	probeTime   = time.Second
)

// probe writes rows to the table by itself, without triggers, so that expressions
// which cost too much for any row show that.
func (t *schemaTrial) probe(after []Object) error {
	name := t.x.s.Table
	if t.x.s.Action == SchemaRename {
		name = t.x.s.NewName
	}
	table := findObject(after, typeTable, name)
	if table == nil {
		return nil
	}
	list := []Object{*table}
	for _, o := range after {
		if o.Type == typeIndex && foldName(o.Table) == foldName(name) {
			list = append(list, o)
		}
	}
	s, err := newScratch(list, false)
	if err != nil {
		return err
	}
	defer s.Close()
	var names []string
	samples := make([][]replog.Value, 2) // of texts, and of what fits the columns
	err = s.Query("SELECT name, type FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0", func(row []replog.Value) error {
		names = append(names, replog.QuoteName(row[0].Bytes()))
		samples[0] = append(samples[0], sampleOf(AffinityText))
		samples[1] = append(samples[1], sampleOf(affinityOf(row[1].Bytes(), false)))
		return nil
	}, replog.Text(name))
	if err != nil {
		return err
	}
	into := "INSERT INTO main." + replog.QuoteName(name)
	insert := into + "(" + strings.Join(names, ", ") + ") VALUES(" + strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ") + ")"
	s.limit(0, probeLength)
	err = probeRow(s, into+" DEFAULT VALUES")
	for _, row := range samples {
		if err == nil {
			err = probeRow(s, insert, row...)
		}
	}
	return err
}

// sampleOf is a value as rows may well have.
func sampleOf(a Affinity) replog.Value {
	switch a {
	case AffinityInteger, AffinityNumeric:
		return replog.Integer(1 << 40)
	case AffinityReal:
		return replog.Real(1e15)
	case AffinityBlob:
		return replog.Blob([]byte(strings.Repeat("aB1,", 50)))
	}
	return replog.Text(strings.Repeat("aB1,", 50))
}

// probeRow runs an INSERT. That it is refused is no fault of the table's.
func probeRow(s *scratch, insert string, args ...replog.Value) error {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	_, err := s.execContext(ctx, insert, args...)
	switch {
	case ctx.Err() != nil:
		return &SchemaError{Class: UnsafeLimit, Detail: fmt.Sprintf("a row takes more than %s", probeTime)}
	case resultCode(err) == sqliteTooBig:
		return &SchemaError{Class: UnsafeLimit, Detail: fmt.Sprintf("a row makes a value of more than %d bytes", probeLength)}
	case err == nil || IsConstraint(err) || resultCode(err) == sqliteError:
		return nil
	}
	return err
}
