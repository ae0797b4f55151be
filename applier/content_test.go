package applier

import (
	"path/filepath"
	"reflect"
	"testing"

	"replog/replog"
)

func TestContentShowsShapesAndRowsAsTheyAre(t *testing.T) {
	c, err := Open(filepath.Join(t.TempDir(), "shop.db"), OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Script(`
		CREATE TABLE place (city TEXT, "no" INT NOT NULL, PRIMARY KEY ("no", city));
		CREATE TABLE item (
			id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE, price REAL, more,
			city TEXT, no INT, twice AS (price * 2), FOREIGN KEY (no, city) REFERENCES place);
		CREATE INDEX item_price ON item(price DESC, name);
		CREATE INDEX item_some ON item(price) WHERE price > 1;
		CREATE INDEX item_upper ON item(upper(name));
		CREATE UNIQUE INDEX item_more ON item(more);
		INSERT INTO place VALUES ('Ulm', 1);
		INSERT INTO item VALUES (1, 'lamp', 1.0, x'00ff', 'Ulm', 1), (2, 'a' || char(0), NULL, 7, NULL, NULL);`)
	if err != nil {
		t.Fatal(err)
	}
	content := NewContent(c)
	got, err := content.Tables()
	if err != nil {
		t.Fatal(err)
	}
	want := []replog.Table{{
		Name: "item",
		Columns: []replog.TableColumn{
			{Name: "id", Type: "INTEGER"}, {Name: "name", Type: "VARCHAR(20)", NotNull: true}, {Name: "price", Type: "REAL"},
			{Name: "more"}, {Name: "city", Type: "TEXT"}, {Name: "no", Type: "INT"},
		},
		Key: []int{0},
		Indexes: []replog.TableIndex{
			{Columns: []int{1}, Unique: true}, {Name: "item_price", Columns: []int{2, 1}}, {Name: "item_more", Columns: []int{3}, Unique: true},
		},
		References: []replog.TableReference{{Columns: []int{5, 4}, Parent: "place", Referenced: []string{"no", "city"}}},
	}, {
		Name:    "place",
		Columns: []replog.TableColumn{{Name: "city", Type: "TEXT"}, {Name: "no", Type: "INT", NotNull: true}},
		Key:     []int{1, 0},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	var rows []string
	err = content.Rows("ITEM", func(row []replog.Value) error {
		rows = append(rows, replog.KeyString(row))
		return nil
	})
	if want := []string{`[1,"lamp",1.0,{"blob":"AP8="},"Ulm",1]`, `[2,"a\u0000",null,7,null,null]`}; err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %q, %v", rows, err)
	}
	if err := content.Rows("absent", nil); err == nil {
		t.Error("an absent table has rows")
	}
}
