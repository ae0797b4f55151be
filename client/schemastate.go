package client

import (
	"slices"
	"strings"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// schemaState is the row of replog_schema but for the objects that were agreed on.
type schemaState struct {
	fingerprint, found, captured, lacks string
}

func (d *Device) schemaState() (s schemaState, err error) {
	row, err := d.replica.QueryRow("SELECT fingerprint, found, captured, lacks FROM main.replog_schema")
	if err != nil {
		return s, err
	}
	return schemaState{row[0].Bytes(), row[1].Bytes(), row[2].Bytes(), row[3].Bytes()}, nil
}

// agreed are the objects of the log, as far as the file follows them.
func (d *Device) agreed() ([]applier.Object, error) {
	row, err := d.replica.QueryRow("SELECT agreed FROM main.replog_schema")
	if err != nil {
		return nil, err
	}
	return applier.ParseObjects(row[0].Bytes())
}

// installSchema notes the schema of a file that is the log's first content.
func (d *Device) installSchema() error {
	found, err := gathered.Found(d.replica)
	if err != nil {
		return err
	}
	list, err := d.replica.Objects()
	if err != nil {
		return err
	}
	return d.replica.Exec("INSERT INTO main.replog_schema VALUES(?, ?, ?, ?, '')", replog.Text(applier.FormatObjects(list)),
		replog.Text(applier.FingerprintObjects(list)), replog.Text(found), replog.Text(d.replica.Schema.Describe()))
}

// agreeWith notes the log's schema, which a snapshot has. Where the file has another
// the next sync looks into that.
func (d *Device) agreeWith(snapshot string) error {
	list, err := objectsIn(snapshot)
	if err != nil {
		return err
	}
	return d.write(func() error {
		fingerprint := applier.FingerprintObjects(list)
		return d.replica.Exec("UPDATE main.replog_schema SET agreed = ?, found = CASE fingerprint WHEN ?2 THEN found ELSE '' END, fingerprint = ?2",
			replog.Text(applier.FormatObjects(list)), replog.Text(fingerprint))
	})
}

// objectsIn reads the objects of another file.
func objectsIn(path string) ([]applier.Object, error) {
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return applier.ReadObjects(c)
}

// checkTables compares the tables with those that capture knows: of others nobody
// could tell what was written to them. What differs is a *MismatchError that shows
// both sides. Unique indexes more are no matter here.
func (d *Device) checkTables(id *identity) error {
	moved, err := d.replica.RowIDsMoved()
	if err != nil {
		return err
	}
	if moved {
		return &MismatchError{Path: d.path, Detail: "its rows were given new rowids, as by a dump that was read in again, and no longer match those of the log"}
	}
	now := d.replica.Schema.Describe()
	if now == id.Schema.captured || onlyMoreUnique(differingLines(id.Schema.captured, now)) {
		return nil
	}
	whole, err := applier.WholeSchema(d.replica.Conn)
	if err != nil {
		return busy(d.path, err)
	}
	return &MismatchError{
		Path: d.path, Code: replog.CodeSchema,
		Detail: "its tables have changed since it was enrolled:\n" + differingLines(id.Schema.captured, whole.Describe()),
	}
}

func onlyMoreUnique(lines string) bool {
	return !slices.ContainsFunc(strings.Split(lines, "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "+ ") || !strings.Contains(line, " unique ")
	})
}

// schemaKind tells what the schema statements of a transaction do.
type schemaKind int

const (
	noSchema      schemaKind = iota
	schemaAdds               // all of them add something: see applier.Adds
	schemaChanges            // one does more
)

func kindOf(in *replog.Intent) schemaKind {
	switch {
	case in.Schema == "":
		return noSchema
	case in.Schema == replog.SchemaDerived, applier.Adds(in.SQL):
		return schemaAdds
	}
	return schemaChanges
}
