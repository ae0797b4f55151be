package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"replog/replog"
)

// access opens the registry as `replog token` does.
func (h *harness) access() *Access {
	h.t.Helper()
	a, err := OpenAccess(context.Background(), h.cfg.Stores, nil, nil)
	h.must(err)
	h.t.Cleanup(func() { a.Close() })
	return a
}

func (h *harness) tokenOf(d *double) Token {
	h.t.Helper()
	list, err := h.access().List(context.Background())
	h.must(err)
	for _, t := range list {
		if t.Device == d.header.Device {
			return t
		}
	}
	h.t.Fatal("the device has no token")
	return Token{}
}

func TestADeviceHasTheSchemaRightOfItsEnrolment(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	access := h.access()
	_, with, err := access.CreateEnrolment(t.Context(), "bank", "", time.Hour, SchemaRight)
	h.must(err)
	for n, tc := range []struct {
		name, token string
		want        bool
	}{{"by an administrator's token", h.admin(), true}, {"by a token with the right", with, true}, {"by another", h.enrolmentToken("bank"), false}} {
		d := h.enrolBy("bank", tc.token)
		if got := h.tokenOf(d).Schema; got != tc.want {
			t.Errorf("enrolled %s: %t", tc.name, got)
		}
		d.steps(schemaStatement(fmt.Sprintf("CREATE TABLE note%d(id INTEGER PRIMARY KEY)", n)))
		v := d.sync().verdicts[0]
		if applied := v.Outcome == replog.Applied; applied != tc.want || !applied && v.Reason.Code != replog.ReasonSchemaRight {
			t.Errorf("enrolled %s: %s %v", tc.name, v.Outcome, v.Reason)
		}
	}
	r := h.do("GET", "/v1/bank/devices", h.admin(), nil)
	h.ok(r, http.StatusOK)
	var listed []bool
	for line := range strings.Lines(string(r.body)) {
		var d device
		h.must(json.Unmarshal([]byte(line), &d))
		listed = append(listed, d.Schema)
	}
	if len(listed) != 3 || !listed[0] || !listed[1] || listed[2] {
		t.Errorf("devices are listed as %v", listed)
	}
}

// What is rejected for want of the right is in the log, whole, and so is what builds
// on it; the right counts from the next request on.
func TestSchemaStatementsWithoutTheRightAreKept(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	d := h.enrolBy("bank", h.enrolmentToken("bank"))
	d.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more"), setMemo(1, "old", "x"))
	d.record(setMemo(2, "old", "y"))
	d.record(setTotal(60, 61))
	var got []string
	for _, v := range d.sync().verdicts {
		got = append(got, describeVerdict(&v))
	}
	if strings.Join(got, " | ") != "rejected; rejected, schema-right, [0] | held; held, builds-on, [0] | applied" {
		t.Errorf("%q", got)
	}
	r := h.do("GET", "/v1/bank/log?all=1&table=memo&outcome=rejected", d.token, nil)
	h.ok(r, http.StatusOK)
	for _, part := range []string{`"sql":"ALTER TABLE memo ADD COLUMN more"`, `"schema":"run"`, `"outcome":"rejected"`, `"code":"schema-right"`} {
		if !strings.Contains(string(r.body), part) {
			t.Errorf("no %s in %s", part, r.body)
		}
	}
	id := h.tokenOf(d).ID
	h.must(h.access().SetSchemaRight(t.Context(), id, true))
	d.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more"))
	if v := d.sync().verdicts[0]; v.Outcome != replog.Applied {
		t.Errorf("with the right: %s %v", v.Outcome, v.Reason)
	}
	h.must(h.access().SetSchemaRight(t.Context(), id, false))
	d.steps(schemaStatement("ALTER TABLE memo DROP COLUMN more"))
	if v := d.sync().verdicts[0]; v.Outcome != replog.Rejected {
		t.Errorf("without it again: %s", v.Outcome)
	}
	h.sameRebuilt("bank")
}

func TestTheSchemaRightOfATokenThatCannotBeChanged(t *testing.T) {
	h := newHarness(t)
	access := h.access()
	if err := access.SetSchemaRight(t.Context(), "nothing", true); !errors.Is(err, ErrNoToken) {
		t.Errorf("%v", err)
	}
	list, err := access.List(t.Context())
	h.must(err)
	if err := access.SetSchemaRight(t.Context(), list[0].ID, false); !errors.Is(err, ErrAdministrator) || !list[0].Schema {
		t.Errorf("%v, %+v", err, list[0])
	}
}

// Devices whose applications did the same as others before need no right.
func TestWhatIsThereAlreadyNeedsNoSchemaRight(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	first, d := h.enrol("bank"), h.enrolBy("bank", h.enrolmentToken("bank"))
	first.steps(derivedStatement(createNote), derivedStatement("ALTER TABLE memo ADD COLUMN more"))
	first.sync()
	d.steps(derivedStatement("CREATE TABLE note(text TEXT, id INTEGER PRIMARY KEY)"), derivedStatement("ALTER TABLE memo ADD more"), putNote("note", 1, "text", "x"))
	judgedOnItsOwn(d.steps(derivedStatement(createNote), derivedStatement("CREATE INDEX i ON note(text)")))
	var got []string
	for _, v := range d.sync().verdicts {
		got = append(got, describeVerdict(&v))
	}
	if strings.Join(got, " | ") != "applied | rejected; rejected, schema-right, []" {
		t.Errorf("%q", got)
	}
	h.sameRebuilt("bank")
}
