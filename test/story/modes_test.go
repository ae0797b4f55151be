package story

import (
	"testing"
	"time"

	"replog/applier"
	"replog/client"
)

func TestAFileInWALModeIsADeviceLikeAnother(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", "PRAGMA journal_mode = WAL;"+shop)
	b := w.clone("b.db")
	b.write("PRAGMA journal_mode = WAL")
	reader, err := applier.Open(b.path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.BeginRead(); err != nil {
		t.Fatal(err)
	}
	a.write("UPDATE customer SET email = 'a' WHERE id = 1")
	b.write("UPDATE customer SET email = 'b' WHERE id = 2")
	w.converge(a, b)
	row, err := reader.QueryRow("SELECT email FROM customer WHERE id = 1")
	if err != nil || row[0].Bytes() != "ada@example.org" {
		t.Fatalf("a reader that began before sees %v %v", row, err)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.write("UPDATE customer SET email = 'pending' WHERE id = 3")
	if _, err := b.open().Confirmed(t.Context(), w.dir+"/confirmed.db"); err != nil {
		t.Fatal(err)
	}
	w.samePaths(a.path, w.dir+"/confirmed.db")
	b.repair()
	w.converge(b, a)
	for _, d := range []*device{a, b} {
		if err := client.Remove(t.Context(), d.path, client.Options{}); err != nil {
			t.Fatal(err)
		}
		d.shows("PRAGMA journal_mode", `["wal"]`)
	}
}

func TestAUTF16FileJoinsAUTF8Database(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.file("b.db", "PRAGMA encoding = 'UTF-16le';"+shop)
	b.init(client.InitRequest{})
	a.write("UPDATE customer SET email = 'ä' WHERE id = 1")
	b.write("UPDATE customer SET email = '😀' WHERE id = 2")
	w.converge(a, b)
	b.drift("DELETE FROM invoice")
	b.repair()
	w.converge(a, b)
}

func TestCopyingALockedFileIsLeftForLater(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	writer, err := applier.Open(a.path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	x := a.openWith(client.Options{BusyTimeout: 20 * time.Millisecond})
	if err := writer.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Confirmed(t.Context(), w.dir+"/confirmed.db"); !isBusy(err) {
		t.Fatal(err)
	}
	if err := writer.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Confirmed(t.Context(), w.dir+"/confirmed.db"); err != nil {
		t.Fatal(err)
	}
}
