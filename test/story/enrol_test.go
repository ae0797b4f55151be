package story

import (
	"errors"
	"os"
	"strings"
	"testing"

	"replog/client"
)

const (
	allSchema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
	// Of a table's triggers for one event, the last created fires first.
	triggerOrder = "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, rowid"
)

func TestRemovalLeavesTheSchemaAsItWas(t *testing.T) {
	w := newWorld(t)
	a := w.file("a.db", shop+`
		CREATE VIEW rich AS SELECT * FROM customer WHERE id > 1;
		CREATE TRIGGER rich_insert INSTEAD OF INSERT ON rich BEGIN INSERT INTO customer(name) VALUES(NEW.name); END;
		CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, v); CREATE INDEX counted_v ON counted(v);
		CREATE TRIGGER z AFTER INSERT ON counted BEGIN UPDATE counted SET v = v + 1 WHERE id = NEW.id; END;
		CREATE TRIGGER b AFTER INSERT ON counted BEGIN UPDATE counted SET v = v * 2 WHERE id = NEW.id; END;
		CREATE TRIGGER counted_check BEFORE INSERT ON counted BEGIN SELECT RAISE(ABORT, 'no') WHERE NEW.v < 0; END;
		INSERT INTO counted(v) VALUES(1); ANALYZE;`)
	schema, order, statistics := a.read(allSchema), a.read(triggerOrder), a.read("SELECT * FROM sqlite_stat1")
	a.init(client.InitRequest{Publish: true})
	a.write("ANALYZE; INSERT INTO rich(name) VALUES('d')")
	a.sync(client.Both)
	if err := client.Remove(t.Context(), a.path, client.Options{}); err != nil {
		t.Fatal(err)
	}
	a.shows(allSchema, schema)
	a.shows(triggerOrder, order)
	a.write("ANALYZE")
	a.shows("SELECT tbl, idx FROM sqlite_stat1 WHERE tbl LIKE 'replog%'", "")
	if statistics == "" {
		t.Fatal("no statistics to begin with")
	}
	a.shows("SELECT count(*), max(name) FROM customer", `[4,"d"]`)
	files, err := os.ReadDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "a.db") && f.Name() != "a.db" {
			t.Errorf("%s is left", f.Name())
		}
	}
	var e *client.NotEnrolledError
	if err := client.Remove(t.Context(), a.path, client.Options{}); !errors.As(err, &e) {
		t.Fatal(err)
	}
}

func TestAFileThatDiffersIsNotEnrolled(t *testing.T) {
	for name, differs := range map[string]string{
		"in a value":  "UPDATE invoice SET total = 10 WHERE id = 'i1'",
		"in a class":  "UPDATE customer SET email = CAST(email AS BLOB) WHERE id = 1",
		"in its rows": "DELETE FROM invoice",
		"in a table":  "CREATE TABLE more(id INTEGER PRIMARY KEY)",
		"in a column": "ALTER TABLE customer ADD COLUMN phone",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.publish("a.db", shop)
			b := w.file("b.db", shop+differs)
			schema := b.read(allSchema)
			var e *client.DiffersError
			if _, err := b.tryInit(client.InitRequest{}, client.Options{}); !errors.As(err, &e) {
				t.Fatal(err)
			}
			b.shows(allSchema, schema)
		})
	}
}

func TestAFileWithTheSameContentJoins(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.file("b.db", shop)
	b.init(client.InitRequest{})
	b.write("UPDATE customer SET name = 'from b' WHERE id = 1")
	w.converge(b, a)
}

func TestPublishingOverADatabaseChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.file("b.db", shop)
	schema := b.read(allSchema)
	var e *client.ExistsError
	if _, err := b.tryInit(client.InitRequest{Publish: true}, client.Options{}); !errors.As(err, &e) {
		t.Fatal(err)
	}
	b.shows(allSchema, schema)
}

// A crash is a panic: nothing that init would tidy up after an error is.
func TestInitThatWasKilledCanBeRunAgain(t *testing.T) {
	for _, point := range []string{client.FaultCaptured, client.FaultEnrolled, client.FaultTokenWritten} {
		t.Run(point, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", shop)
			b := w.file("b.db", shop)
			b.killedInit(point)
			if _, err := client.Open(b.path, client.Options{}); !isNotEnrolled(err) {
				t.Fatal(err)
			}
			// Half enrolled, the file serves its application as ever.
			b.write("UPDATE customer SET name = 'x' WHERE id = 1; UPDATE customer SET name = 'Ada' WHERE id = 1; DELETE FROM audit")
			b.init(client.InitRequest{})
			if got := b.status().Pending; got != 0 {
				t.Fatalf("%d pending", got)
			}
			b.write("UPDATE customer SET name = 'from b' WHERE id = 1")
			w.converge(b, a)
		})
	}
}

func TestInitThatWasKilledCanBeRemoved(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.file("b.db", shop)
	schema := b.read(allSchema)
	b.killedInit(client.FaultTokenWritten)
	if err := client.Remove(t.Context(), b.path, client.Options{}); err != nil {
		t.Fatal(err)
	}
	b.shows(allSchema, schema)
	b.init(client.InitRequest{})
}

func isNotEnrolled(err error) bool {
	var e *client.NotEnrolledError
	return errors.As(err, &e)
}

func (d *device) killedInit(point string) {
	d.w.t.Helper()
	defer func() {
		if recover() == nil {
			d.w.t.Fatalf("init passed %q", point)
		}
	}()
	_, err := d.tryInit(client.InitRequest{}, client.Options{Fault: func(at string) error {
		if at == point {
			panic("killed")
		}
		return nil
	}})
	d.w.t.Fatal(err)
}

func TestInitThatFailsLeavesTheFileAsItWas(t *testing.T) {
	for _, point := range []string{client.FaultEnrolled, client.FaultTokenWritten} {
		w := newWorld(t)
		w.publish("a.db", shop)
		b := w.file("b.db", shop)
		schema := b.read(allSchema)
		failed := errors.New("the disk is gone")
		_, err := b.tryInit(client.InitRequest{}, client.Options{Fault: func(at string) error {
			if at == point {
				return failed
			}
			return nil
		}})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		b.shows(allSchema, schema)
	}
}

// Tables of the application's that are called as ours are must not be taken for
// what an init that was cut left behind.
func TestTablesThatAreCalledAsOursAreNotDropped(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.file("b.db", shop+"CREATE TABLE replog_notes(id INTEGER PRIMARY KEY, v); INSERT INTO replog_notes VALUES(1, 'precious')")
	for _, publish := range []bool{false, true} {
		var e *client.ExistsError
		if _, err := b.tryInit(client.InitRequest{Publish: publish}, client.Options{}); !errors.As(err, &e) {
			t.Fatal(err)
		}
		b.shows("SELECT v FROM replog_notes", `["precious"]`)
	}
}

func TestAnEnrolledFileGetsANewAddress(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	w.url = strings.Replace(w.url, "127.0.0.1", "localhost", 1)
	a.init(client.InitRequest{})
	if got := a.status(); got.Server != w.url || got.Pending != 1 {
		t.Fatalf("%+v", got)
	}
	a.sync(client.Both)

	here := w.url
	other := newWorld(t)
	other.publish("other.db", shop)
	w.url = other.url
	if _, err := a.tryInit(client.InitRequest{}, client.Options{}); err == nil {
		t.Fatal("another server's database is taken for this one")
	}
	if got := a.status().Server; got != here {
		t.Fatal(got)
	}
	a.sync(client.Both)
}

func TestCloningWhereAFileIsChangesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	before := a.bytes()
	var e *client.ExistsError
	if _, err := client.Clone(t.Context(), w.url, a.path, w.admin(), "", client.Options{}); !errors.As(err, &e) {
		t.Fatal(err)
	}
	if a.bytes() != before {
		t.Fatal("the file has changed")
	}
}

func TestACloneThatFailsLeavesNothing(t *testing.T) {
	for _, point := range []string{client.FaultEnrolled, client.FaultTokenWritten} {
		w := newWorld(t)
		w.publish("a.db", shop)
		failed := errors.New("the disk is gone")
		_, err := client.Clone(t.Context(), w.url, w.dir+"/b.db", w.admin(), "", client.Options{Fault: func(at string) error {
			if at == point {
				return failed
			}
			return nil
		}})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		w.clone("b.db").sync(client.Both)
	}
}
