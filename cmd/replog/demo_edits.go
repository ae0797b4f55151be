package main

import (
	"database/sql"
	"fmt"
	"runtime"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
)

// What the office does, in the order in which it does it.
var officeEdits = []string{
	`UPDATE customer SET phone = '+49 30 5550 117' WHERE id = 17`,
	`UPDATE part SET price = round(price * 1.03, 2) WHERE sku LIKE 'GAS-%' AND price < 10`,
	`UPDATE visit SET status = 'cancelled' WHERE id = 1001`,
	`INSERT INTO visit(id, site_id, technician_id, planned_for) VALUES(5001, 12, 7, '2026-02-02 08:00:00')`,
}

// What the van does later: to the same customer (another column), to the same
// visit (the same column: the newer one wins), for the same technician and time
// (which the unique index visit_slot does not allow), and what nobody else
// touches.
var vanEdits = []string{
	`UPDATE customer SET email = 'neu@kälte.example' WHERE id = 17`,
	`UPDATE visit SET status = 'done', finished_at = '2026-01-06 11:40:00' WHERE id = 1001`,
	`INSERT INTO visit(id, site_id, technician_id, planned_for) VALUES(5002, 81, 7, '2026-02-02 08:00:00')`,
	`INSERT INTO note VALUES(x'00112233445566778899aabbccddeeff', 1001, 7, 1767699600, 'Насос замінено, 漏れなし ✅')`,
	`UPDATE order_line SET quantity = quantity + 1 WHERE order_id = 12 AND line = 1`,
}

var secondThoughts = []string{
	`INSERT INTO visit(id, site_id, technician_id, planned_for) VALUES(5001, 12, 7, '2026-02-02 10:00:00')`,
}

// edit runs statements on a file through an ordinary SQLite connection, and
// shows them.
func (d *demo) edit(file string, statements []string) error {
	db, err := sql.Open("sqlite3", d.path(file))
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range statements {
		fmt.Fprintf(d.s.out, "%s> %s;\n", file, statement)
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w: %s", file, err, statement)
		}
	}
	return db.Close()
}

// countRows says how much there is in the office's file.
func (d *demo) countRows() error {
	db, err := sql.Open("sqlite3", d.path(demoOffice))
	if err != nil {
		return err
	}
	defer db.Close()
	var customers, visits, lines int
	err = db.QueryRow(`SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM visit), (SELECT count(*) FROM order_line)`).
		Scan(&customers, &visits, &lines)
	if err == nil {
		d.note(fmt.Sprintf("%s: %d customers, %d visits, %d order lines, and more", d.path(demoOffice), customers, visits, lines))
	}
	return err
}

// nextMillisecond returns when the clock shows another millisecond: recorded
// times are no finer.
func nextMillisecond() {
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
		runtime.Gosched()
	}
}
