package logtest

import (
	"testing"

	"replog/replog"
)

func testChain(t *testing.T, open Open) {
	log, reopen := open(t)
	entries := write(t, log, applied(anna, 1, insert(1, 10)), refused(replog.Conflict, bert, 1, insert(1, 11)))
	entries = append(entries, write(t, log, applied(anna, 2, update(1, 10, 12)))...)
	chains := []replog.Chain{Start.Chain}
	for i := range entries {
		chains = append(chains, chains[i].Next(&entries[i]))
	}
	for range 2 {
		same(t, "the head's", head(t, log).Chain, chains[3])
		for r, want := range chains {
			got, err := log.ChainAt(t.Context(), replog.Revision(r))
			must(t, err)
			same(t, "chain", got, want)
		}
		_, err := log.ChainAt(t.Context(), 4)
		wantNotFound(t, err)
		log = reopen()
	}
	tx := begin(t, log)
	same(t, "the transaction's", tx.Head().Chain, chains[3])
	next := sealed(applied(anna, 3, remove(1, 12)), 4)
	must(t, tx.Append(next))
	same(t, "with its append", tx.Head().Chain, chains[3].Next(&next))
	must(t, tx.Rollback())
	same(t, "after a rollback", head(t, log).Chain, chains[3])
}

func testEpoch(t *testing.T, open Open) {
	const other = "12345678-8888-4777-8666-555555555555"
	log, reopen := open(t)
	write(t, log, applied(anna, 1, insert(1, 10)))
	was := head(t, log)
	tx := begin(t, log)
	tx.SetEpoch(other)
	same(t, "the transaction's", tx.Head().Epoch, replog.Epoch(other))
	must(t, tx.Rollback())
	same(t, "after a rollback", head(t, log), was)
	tx = begin(t, log)
	tx.SetEpoch(other)
	must(t, tx.Commit())
	was.Epoch = other
	for range 2 {
		same(t, "head", head(t, log), was)
		log = reopen()
	}
	write(t, log, applied(anna, 2, update(1, 10, 11)))
	same(t, "later", head(t, log).Epoch, replog.Epoch(other))
}
