package postgres

import (
	"os"
	"strings"
	"testing"

	"replog/sql/internal/storetest"
)

// TestQueriesInTheDocsRun runs what docs/postgres.md shows, and has each give something.
func TestQueriesInTheDocsRun(t *testing.T) {
	text, err := os.ReadFile("../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	log := newShop(t, Options{})
	refused := storetest.Entry(2, storetest.Insert(1, "again"))
	refused.Outcome, refused.Changes, refused.Reason.Code = "conflict", nil, "exists"
	refused.Received = 4_000_000_000_000
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	add(t, log, refused)
	db := log.store.DB()
	storetest.Exec(t, db, `INSERT INTO replog.device (id, database_id, name, enrolled_at)
		SELECT 'aaaaaaaa-0000-4000-8000-000000000001', id, 'laptop', 0 FROM replog.database`)
	count := 0
	for _, block := range strings.Split(string(text), "```sql\n")[1:] {
		query, _, _ := strings.Cut(block, "```")
		count++
		if got := storetest.Lines(t, db, strings.TrimSuffix(strings.TrimSpace(query), ";")); len(got) == 0 {
			t.Errorf("nothing comes of\n%s", query)
		}
	}
	if count != 5 {
		t.Errorf("there are %d queries", count)
	}
}
