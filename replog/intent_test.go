package replog

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestWhatAnIntentAccepts(t *testing.T) {
	for _, c := range []struct {
		affected    int64
		expect      *int64
		here        int64
		want        bool
		description string
	}{
		{0, nil, 0, true, "nothing there, nothing here"},
		{0, nil, 5, true, "nothing there, some here"},
		{1, nil, 1, true, "one there, one here"},
		{1, nil, 0, false, "one there, none here"},
		{1, nil, 2, false, "one there, two here"},
		{3, nil, 1, true, "some there, some here"},
		{3, nil, 0, false, "some there, none here"},
		{1, ptr[int64](2), 2, true, "as expected"},
		{2, ptr[int64](2), 1, false, "not as expected"},
		{3, ptr[int64](0), 0, true, "none, as expected"},
		{1, ptr[int64](-1), 0, true, "waived"},
	} {
		i := Intent{SQL: "x", Affected: c.affected, Expect: c.expect}
		if got := i.Accepts(c.here); got != c.want {
			t.Errorf("%s: %v", c.description, got)
		}
	}
}

func TestAnIntentHasOneSpelling(t *testing.T) {
	form := string(intents()[0].AppendJSON(nil))
	if _, err := ParseIntent([]byte(form)); err != nil {
		t.Fatal(err)
	}
	for name, replace := range map[string][2]string{
		"no SQL":                  {`"sql":"UPDATE account SET balance = balance - ?1 WHERE id = ?2"`, `"sql":""`},
		"an empty list said":      {`"args":[17,`, `"args":[],"args":[17,`},
		"a default value said":    {`"changes":`, `"optional":false,"changes":`},
		"fewer rows than none":    {`"affected":1`, `"affected":-1`},
		"a short digest":          {`"digest":"01`, `"digest":"`},
		"a digest in capitals":    {`"digest":"`, `"digest":"AB`},
		"white space":             {`"time":`, `"time": `},
		"an unknown field":        {`"time":`, `"x":1,"time":`},
		"something after it":      {`"}`, `"} `},
		"a source unknown":        {`,"args"`, `,"schema":"x","args"`},
		"no source":               {`,"args"`, `,"schema":"","args"`},
		"a schema that has rows":  {`,"args"`, `,"schema":"run","args"`},
		"legacy without schema":   {`,"args"`, `,"legacy":true,"args"`},
		"text spelled otherwise":  {`<b>`, `\u003cb>`},
		"another order of fields": {`"changes":1`, `"changes":1,"affected":1`},
	} {
		altered := strings.Replace(form, replace[0], replace[1], 1)
		if altered == form {
			t.Fatalf("%s: nothing was altered", name)
		}
		if _, err := ParseIntent([]byte(altered)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestADigestSaysWhatBecameOfRows(t *testing.T) {
	digest := func(list ...Change) Digest {
		d, err := DigestChanges(ChangeList(list))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	update := changes()[1]
	other := update
	other.Time, other.Times, other.Context, other.Unit = 5, nil, nil, 3
	other.Columns, other.Old, other.New = []string{"y", "x"}, []Value{update.Old[1], update.Old[0]}, []Value{update.New[1], update.New[0]}
	if digest(update) != digest(other) {
		t.Error("times, context, unit or the order of columns count")
	}
	if !reflect.DeepEqual(other.Columns, []string{"y", "x"}) {
		t.Error("the change was altered")
	}
	if digest(changes()...) != digest(changes()[3], changes()[1], changes()[0], changes()[2]) {
		t.Error("the order of changes counts")
	}
	seen := map[Digest]string{{}: "nothing"}
	for name, alter := range map[string]func(*Change){
		"the change":      func(*Change) {},
		"another table":   func(c *Change) { c.Table = "x" },
		"another key":     func(c *Change) { c.Key = []Value{Integer(1), Integer(2)} },
		"another old":     func(c *Change) { c.Old = []Value{Integer(1), Integer(2)} },
		"another new":     func(c *Change) { c.New = []Value{Integer(1), Integer(2)} },
		"another type":    func(c *Change) { c.New = []Value{Real(1), Integer(2)} },
		"another column":  func(c *Change) { c.Columns = []string{"x", "z"} },
		"another of them": func(c *Change) { *c = changes()[0] },
	} {
		c := changes()[1]
		alter(&c)
		d := digest(c)
		if before, there := seen[d]; there {
			t.Errorf("%s and %s have the digest %s", before, name, d)
		}
		seen[d] = name
		if back, err := ParseDigest(d.String()); err != nil || back != d {
			t.Errorf("%s came back as %s, %v", d, back, err)
		}
	}
	if digest(update) == digest(update, update) {
		t.Error("a change twice counts once")
	}
}
