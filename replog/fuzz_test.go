package replog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
)

func FuzzAValueIsRefusedOrEncodesBackIdentically(f *testing.F) {
	for _, form := range forms {
		f.Add([]byte(form.form))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parser{b: b}
		v := p.value()
		if err := p.done(); err != nil {
			if !errors.Is(err, ErrForm) {
				t.Errorf("error %v is not ErrForm", err)
			}
			return
		}
		if back := v.AppendJSON(nil); !bytes.Equal(back, b) {
			t.Errorf("%q was read as %s and encoded back as %q", b, v, back)
		}
		var u Value
		if err := u.UnmarshalJSON(b); err != nil || u != v {
			t.Errorf("UnmarshalJSON read %s, %v, want %s", u, err, v)
		}
	})
}

func FuzzAValueComesBackThroughAnyJSON(f *testing.F) {
	f.Add("text", int64(0), 0.5)
	f.Add("a\x00\xff<&>\u2028", int64(-1), math.Copysign(0, -1))
	f.Fuzz(func(t *testing.T, s string, i int64, r float64) {
		for _, v := range []Value{Text(s), Blob([]byte(s)), Integer(i), Real(r)} {
			escaped, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range [][]byte{v.AppendJSON(nil), escaped} {
				var back Value
				if err := json.Unmarshal(form, &back); err != nil || back != v {
					t.Errorf("%s came back from %s as %s, %v", v, form, back, err)
				}
			}
		}
	})
}

func FuzzATextHasTheFormOfEncodingJSON(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\b\f\n\r\t\"\\\x7f", "<&>", "\u2028\u2029", "\xff\\ufffd\\\xfe", "Łódź 🙂"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := bytes.TrimSuffix(appendLine(nil, s), []byte("\n"))
		if got := appendString(nil, s); !bytes.Equal(got, want) {
			t.Errorf("%q becomes %s, want %s", s, got, want)
		}
		p := parser{b: want}
		back := p.string()
		if err := p.done(); err != nil || back != string(bytes.ToValidUTF8([]byte(s), []byte("\ufffd"))) {
			// ToValidUTF8 replaces a run of bytes once, JSON each of them.
			if !bytes.Equal(appendString(nil, back), want) || err != nil {
				t.Errorf("%s came back as %q, %v", want, back, err)
			}
		}
	})
}

func FuzzAnIntentIsRefusedOrEncodesBackIdentically(f *testing.F) {
	for _, i := range intents() {
		f.Add(i.AppendJSON(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := ParseIntent(b)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Errorf("error %v is not ErrForm", err)
			}
			return
		}
		if back := i.AppendJSON(nil); !bytes.Equal(back, b) {
			t.Errorf("%q was encoded back as %q", b, back)
		}
		if plain := bytes.TrimSuffix(appendLine(nil, &i), []byte("\n")); !bytes.Equal(plain, b) {
			t.Errorf("encoding/json writes %q, not %q", plain, b)
		}
	})
}

func FuzzAChangeIsRefusedOrEncodesBackIdentically(f *testing.F) {
	for _, c := range changes() {
		f.Add(c.AppendJSON(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChange(b)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Errorf("error %v is not ErrForm", err)
			}
			return
		}
		if back := c.AppendJSON(nil); !bytes.Equal(back, b) {
			t.Errorf("%q was encoded back as %q", b, back)
		}
		if want := bytes.TrimSuffix(appendLine(nil, c), []byte("\n")); !bytes.Equal(b, want) {
			t.Errorf("%q is not the form of encoding/json, %q", b, want)
		}
	})
}

func FuzzATransactionIsRefusedOrEncodesBackIdentically(f *testing.F) {
	for _, x := range transactions() {
		form, _ := x.Encode()
		f.Add(form)
		// Without its end line: the fuzzer cannot find hashes.
		f.Add(form[:bytes.LastIndexByte(form[:len(form)-1], '\n')+1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, form := range [][]byte{b, resealed(string(b))} {
			x, hash, err := DecodeTransaction(form)
			if err != nil {
				if !errors.Is(err, ErrForm) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("error %v is neither ErrForm nor io.ErrUnexpectedEOF", err)
				}
				continue
			}
			if back, again := x.Encode(); !bytes.Equal(back, form) || again != hash {
				t.Errorf("%q was encoded back as %q", form, back)
			}
		}
	})
}

func FuzzAnAnswerIsRefusedOrEncodesBackIdentically(f *testing.F) {
	var b bytes.Buffer
	a := sampleAnswer()
	if err := a.write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		var back bytes.Buffer
		write := func(line AnswerLine) error { return WriteAnswerLine(&back, line) }
		done, err := NewLineReader(bytes.NewReader(b)).ReadAnswer(
			func(a SyncAnswer) error { return write(AnswerLine{Answer: &a}) },
			func(v Verdict) error { return write(AnswerLine{Verdict: &v}) },
			func(d Download) error { return writeDownload(&back, &d) })
		if err != nil {
			if !errors.Is(err, ErrForm) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v is neither ErrForm nor io.ErrUnexpectedEOF", err)
			}
			return
		}
		if err := write(AnswerLine{Done: &done}); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, back.Bytes()) {
			t.Errorf("%q was encoded back as %q", b, back.Bytes())
		}
	})
}
