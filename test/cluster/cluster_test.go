package cluster

import (
	"database/sql"
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestADatabaseIsEmptyAndItsOwn(t *testing.T) {
	for range 2 {
		db := open(t, Database(t))
		if _, err := db.Exec("CREATE TABLE item (id int)"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStandbyTakesOverWithAllThatWasCommitted(t *testing.T) {
	primary := Start(t, Options{Fast: true})
	standby := primary.Standby(t, true)
	db := open(t, primary.DSN("postgres"))
	if _, err := db.Exec("CREATE TABLE item (id int); INSERT INTO item VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	var id int
	if err := open(t, standby.DSN("postgres")).QueryRow("SELECT id FROM item").Scan(&id); err != nil || id != 7 {
		t.Errorf("got %d, %v", id, err)
	}
}

func TestABouncerLeadsToTheSameDatabase(t *testing.T) {
	address := Database(t)
	if _, err := open(t, address).Exec("CREATE TABLE item (id int); INSERT INTO item VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	var id int
	if err := open(t, Bouncer(t, address)).QueryRow("SELECT id FROM item").Scan(&id); err != nil || id != 7 {
		t.Errorf("got %d, %v", id, err)
	}
}

func TestAKilledServerStartsAgain(t *testing.T) {
	s := Start(t, Options{Fast: true})
	s.Kill()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
}
