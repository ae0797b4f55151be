package orm

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3" // the one beside ours

	"replog/client/driver"
)

type person struct {
	ID    int64   `db:"id"`
	Name  string  `db:"name"`
	Email *string `db:"email"`
}

func init() { sqlx.BindDriver(driver.Name, sqlx.QUESTION) }

func TestSqlxRunsUnchanged(t *testing.T) {
	beside(t, func(t *testing.T, name string) (string, []any) {
		path := filepath.Join(t.TempDir(), "sqlx.db")
		made := sqlx.MustConnect(name, path)
		made.MustExec("CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT)")
		if err := made.Close(); err != nil {
			t.Fatal(err)
		}
		install(t, path)
		db := sqlx.MustConnect(name, path)
		defer db.Close()
		return path, workSqlx(t, db)
	}, []string{
		`"": insert person`,
		`"": insert person, insert person`,
		`"both": insert person, update person`,
		`"": insert person`,
	})
}

// workSqlx does what applications do, and notes what came of it.
func workSqlx(t *testing.T, db *sqlx.DB) (notes []any) {
	note := func(v ...any) { notes = append(notes, v...) }
	ctx := context.Background()
	result := db.MustExec("INSERT INTO person(name) VALUES(?)", "Ada")
	id, err := result.LastInsertId()
	note(id, err)
	email := "b@example.org"
	_, err = db.NamedExec("INSERT INTO person(name, email) VALUES(:name, :email)", []person{{Name: "Ben", Email: &email}, {Name: "Cleo"}})
	note(err)
	_, err = db.NamedExec("INSERT INTO person(name) VALUES(:name)", person{Name: "Ada"})
	note(fmt.Sprint(err))
	tx := db.MustBeginTx(driver.Label(ctx, "both"), nil)
	stmt, err := tx.PrepareNamed("INSERT INTO person(name) VALUES(:name) RETURNING id")
	if err != nil {
		t.Fatal(err)
	}
	note(stmt.Get(&id, map[string]any{"name": "Dan"}), id, stmt.Close())
	tx.MustExec("UPDATE person SET email = ? WHERE id = ?", "a@example.org", 1)
	note(tx.Commit())
	tx = db.MustBegin()
	tx.MustExec("DELETE FROM person")
	note(tx.Rollback())
	note(db.Get(&id, "INSERT INTO person(name) VALUES('Eve') RETURNING id"), id)
	query, args, err := sqlx.In("SELECT * FROM person WHERE id IN (?) ORDER BY id", []int{1, 2, 3, 4})
	note(err)
	var list []person
	note(db.Select(&list, db.Rebind(query), args...), list)
	var one person
	note(db.Get(&one, "SELECT * FROM person WHERE name = ?", "Ben"), one, fmt.Sprint(db.Get(&one, "SELECT * FROM person WHERE id = 99")))
	rows, err := db.Queryx("SELECT * FROM person ORDER BY id")
	note(err)
	for rows.Next() {
		row := map[string]any{}
		note(rows.MapScan(row), row)
	}
	note(rows.Close())
	return notes
}
