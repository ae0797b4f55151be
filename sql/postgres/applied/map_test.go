package applied

import (
	"errors"
	"strings"
	"testing"

	"replog/replog"
)

const stock = `
CREATE DOMAIN public.positive AS integer CHECK (value > 0);
CREATE TABLE public.stock (
	number smallint PRIMARY KEY,
	title varchar(5) NOT NULL,
	amount public.positive,
	price numeric(6,2) CHECK (price < 100),
	changed timestamp,
	owner text DEFAULT 'nobody'
)`

func stocked(t *testing.T) (*memory, *site) {
	t.Helper()
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT", "n INTEGER", "price REAL", "at DATETIME"), shapeOf("other", 1, "id INTEGER"))
	item := func(id int64, name string, n int64, price float64) {
		m.put("item", replog.Integer(id), replog.Text(name), replog.Integer(n), replog.Real(price), replog.Text("2024-01-02 03:04:05"))
	}
	item(1, "bolt", 5, 1.25)
	item(2, "a long name", 5, 1)
	item(3, "nut", -5, 1)
	item(4, "nail", 5, 1000)
	item(5, "gear", 5, 1.255)
	item(70000, "far", 5, 1)
	s := newSite(t, open(t), m)
	run(t, s.tx, stock)
	return m, s
}

var mapping = Mapping{
	Table: "item", Schema: "public", Name: "stock",
	Columns: map[string]string{"id": "number", "name": "title", "n": "amount", "price": "price", "at": "changed"},
}

func TestATableMapsToOneThatExists(t *testing.T) {
	m, s := stocked(t)
	if err := s.tables.Map(t.Context(), s.tx, mapping, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT string_agg(number || title || changed || owner, ' ') FROM public.stock", "1bolt2024-01-02 03:04:05nobody")
	s.want("SELECT string_agg(key, '' ORDER BY key) FROM replog.misfit", "[2][3][4][5][70000]")
	s.want("SELECT to_regclass('shop.item')", "NULL")

	s.apply(
		m.update("item", integers(2), set{"name": replog.Text("short")}),
		m.update("item", integers(1), set{"n": replog.Integer(0)}),
		m.remove("item", replog.Integer(70000)))
	s.equal()
	s.want("SELECT string_agg(title, '') FROM public.stock", "short")
	s.want("SELECT string_agg(key, '' ORDER BY key) FROM replog.misfit", "[1][3][4][5]")
	s.apply(m.update("item", integers(1), set{"n": replog.Integer(1)}))
	s.equal()
	s.want("SELECT count(*) FROM public.stock", "2")

	run(t, s.tx, "UPDATE public.stock SET owner = 'me'; DELETE FROM public.stock WHERE number = 2; INSERT INTO public.stock VALUES (9, 'x')")
	if err := s.tables.Rebuild(t.Context(), s.tx, 9, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT string_agg(number || owner, ' ' ORDER BY number) FROM public.stock", "1me 2nobody")

	if err := s.tables.Unmap(t.Context(), s.tx, "item", m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT count(*) FROM shop.item", "5")
	s.want("SELECT count(*) FROM public.stock", "2")
}

func TestAMappingSaysWhatIsMissing(t *testing.T) {
	m, s := stocked(t)
	run(t, s.tx, "INSERT INTO public.stock VALUES (1, 'x'); ALTER TABLE public.stock ADD made text GENERATED ALWAYS AS ('x') STORED")
	wrong := mapping
	wrong.Columns = map[string]string{"id": "amount", "n": "made", "price": "cost", "nosuch": "price"}
	err := s.tables.Map(t.Context(), s.tx, wrong, m)
	for _, part := range []string{
		`no column "cost"`, `"made" is generated`, `item has no column "nosuch"`, `no unique index on ("amount")`,
		`"title" takes no NULL`, `it has rows`,
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say: %s", err, part)
		}
	}
	wrong.Name = "nosuch"
	var refused *MapError
	if err := s.tables.Map(t.Context(), s.tx, wrong, m); !asError(err, &refused) || len(refused.Problems) != 1 {
		t.Errorf("got %v", err)
	}
	s.equal()
}

func TestAMergeUpdatesAndDeletesWhatIsThere(t *testing.T) {
	m, s := stocked(t)
	run(t, s.tx, "INSERT INTO public.stock VALUES (1, 'x', NULL, NULL, NULL, 'me'), (9, 'y', NULL, NULL, NULL, 'me')")
	merge := mapping
	merge.Merge = true
	if err := s.tables.Map(t.Context(), s.tx, merge, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT string_agg(number || title || owner, ' ' ORDER BY number) FROM public.stock", "1boltme")
}

func TestADeferredConstraintOfSomebodysIsNotLeftToTheCommit(t *testing.T) {
	m, s := stocked(t)
	run(t, s.tx, `
		CREATE TABLE public.owner (name text PRIMARY KEY);
		ALTER TABLE public.stock ADD UNIQUE (price) DEFERRABLE INITIALLY DEFERRED;
		ALTER TABLE public.stock ADD FOREIGN KEY (title) REFERENCES public.owner DEFERRABLE INITIALLY DEFERRED`)
	if err := s.tables.Map(t.Context(), s.tx, mapping, m); err != nil {
		t.Fatal(err)
	}
	s.apply(m.insert("item", replog.Integer(10), replog.Text("cog"), replog.Integer(1), replog.Real(1.25), replog.Value{}))
	s.equal()
	s.want("SELECT string_agg(table_name || ' ' || kind || ' ' || name, ', ' ORDER BY id) FROM replog.left_out",
		"public.stock foreign key stock_title_fkey, public.stock constraint stock_price_key")
	if err := s.tx.Commit(); err != nil {
		t.Error(err)
	}
}

func TestWhatStandsBesideTheMappedColumnsStays(t *testing.T) {
	m, s := stocked(t)
	run(t, s.tx, "ALTER TABLE public.stock ADD UNIQUE (title)")
	if err := s.tables.Map(t.Context(), s.tx, mapping, m); err != nil {
		t.Fatal(err)
	}
	s.apply(m.update("item", integers(2), set{"name": replog.Text("screw")}))
	s.flush()
	run(t, s.tx, "UPDATE public.stock SET owner = 'me'")
	s.apply(m.update("item", integers(1), set{"name": replog.Text("cog")}))
	s.equal()
	s.want("SELECT string_agg(title || owner, ' ' ORDER BY number) FROM public.stock", "cogme screwme")
	s.apply(m.update("item", integers(1), set{"name": replog.Text("screw")}), m.update("item", integers(2), set{"name": replog.Text("cog")}))
	s.equal()
	s.want("SELECT string_agg(title, ' ' ORDER BY number) FROM public.stock", "screw cog")
	s.want("SELECT count(*) FROM replog.misfit", "4")
}

func TestARowThatTheServerRefusesIsFoundAmongMany(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "doc JSON"))
	s := newSite(t, open(t), m)
	var changes []replog.Change
	for i := range int64(maxRows) {
		doc := `{"text":"` + strings.Repeat("x", 100) + `"}`
		if i%4000 == 0 {
			doc = `"\ud800"`
		}
		changes = append(changes, m.insert("item", replog.Integer(i), replog.Text(doc)))
	}
	s.apply(changes...)
	s.equal()
	s.want("SELECT string_agg(key, '' ORDER BY key) FROM replog.misfit", "[0][4000][8000]")
	s.want("SELECT count(*) FROM shop.item", "9997")
	if err := s.tables.Rebuild(t.Context(), s.tx, s.at, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT count(*) FROM shop.item", "9997")
}

func TestTablesOfReplogsAreNoTargets(t *testing.T) {
	m, s := stocked(t)
	other := &site{t: t, tx: s.tx, m: newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT"))}
	var err error
	if other.tables, err = Open(t.Context(), s.tx, 2, "depot"); err == nil {
		err = other.tables.Publish(t.Context(), s.tx, other.m)
	}
	if err == nil {
		err = s.tables.Map(t.Context(), s.tx, mapping, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []Mapping{
		{Table: "other", Schema: "shop", Name: "other", Merge: true},
		{Table: "other", Schema: "depot", Name: "item", Merge: true},
		{Table: "other", Schema: "replog", Name: "left_out", Merge: true},
	} {
		var refused *MapError
		if err := s.tables.Map(t.Context(), s.tx, to, m); !errors.As(err, &refused) {
			t.Errorf("%s.%s: %v", to.Schema, to.Name, err)
		}
	}
	var refused *MapError
	taken := Mapping{Table: "item", Schema: "public", Name: "stock", Columns: map[string]string{"id": "number", "name": "title"}, Merge: true}
	if err := other.tables.Map(t.Context(), s.tx, taken, other.m); !errors.As(err, &refused) {
		t.Errorf("a table that another database is mapped to: %v", err)
	}
	s.equal()
	other.equal()
}
