package server

import (
	"context"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"replog/replog"
)

// readingTx reads a table of each content that it is given.
type readingTx struct {
	replog.LogTx
	table string
	read  *atomic.Value // string
}

func (r readingTx) Append(e replog.Entry) error {
	if e.Schema != nil {
		text := ""
		tables, err := e.Schema.Content.Tables()
		if err != nil {
			return err
		}
		for _, t := range tables {
			if t.Name == r.table {
				for _, c := range t.Columns {
					text += c.Name + " " + c.Type + ", "
				}
			}
		}
		err = e.Schema.Content.Rows(r.table, func(row []replog.Value) error {
			text += replog.KeyString(row)
			return nil
		})
		if err != nil {
			return err
		}
		r.read.Store(text)
	}
	return r.LogTx.Append(e)
}

func TestAStoreSeesTheContentAsASchemaStatementLeftIt(t *testing.T) {
	read := &atomic.Value{}
	h := newHarness(t, func(c *Config) {
		c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return readingTx{tx, "account", read} }}
	})
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	a.steps(schemaStatement("ALTER TABLE account ADD COLUMN owner TEXT DEFAULT 'us'"))
	a.steps(take(1, 1)) // judged in the same batch, after it
	a.sync()
	if got, want := read.Load(), "id INTEGER, balance INTEGER, note TEXT, owner TEXT, "+
		"[1,10,null,\"us\"][2,20,null,\"us\"][3,30,null,\"us\"]"; got != want {
		t.Errorf("it saw\n%s\nwant\n%s", got, want)
	}
	if _, err := h.srv.opened("bank").log.Entry(context.Background(), 2); err != nil {
		t.Error(err)
	}
}

// unpackingStores put contents into the folder that they are given.
type unpackingStores struct{ Stores }

func (u unpackingStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := u.Stores.Open(ctx, name)
	return unpacking{s}, err
}

type unpacking struct{ replog.Store }

func (u unpacking) Base(ctx context.Context, folder string, upTo replog.Revision) (*replog.Base, error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	return u.Store.Base(ctx, folder, upTo)
}

func TestAServerThatPublishedNothingWritesScripts(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Stores = unpackingStores{c.Stores} })
	h.shop()
	h.restart()
	h.ok(h.do("GET", "/v1/shop/log?form=sql", h.admin(), nil), http.StatusOK)
}
