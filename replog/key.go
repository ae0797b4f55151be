package replog

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ParseKey reads a primary key as people type it, and gives the forms of
// KeyString that may be meant. A JSON array is exact: [17, "a"] is a key of an
// INTEGER and a TEXT, and classes that JSON lacks have the wire form of Value.
// Anything else is a key of one column: 17 may be INTEGER, REAL or TEXT, and an
// SQL literal, 'it”s' or x'00ff', what it stands for. An error says what is
// wrong with an array.
func ParseKey(text string) ([]string, error) {
	if strings.HasPrefix(text, "[") {
		values, err := parseArray(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a key: %w", text, err)
		}
		return []string{KeyString(values)}, nil
	}
	var keys []string
	for _, v := range readings(text) {
		keys = append(keys, KeyString([]Value{v}))
	}
	return keys, nil
}

// readings are the values that a text may stand for.
func readings(text string) []Value {
	values := []Value{Text(text)}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		values = append(values, Integer(n))
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if v := Real(f); !v.IsNull() {
			values = append(values, v)
		}
	}
	inner, quoted := strings.CutSuffix(text, "'")
	if s, ok := strings.CutPrefix(inner, "'"); ok && quoted {
		values = append(values, Text(strings.ReplaceAll(s, "''", "'")))
	}
	if s, ok := cutFold(inner, "x'"); ok && quoted {
		if b, err := hex.DecodeString(s); err == nil {
			values = append(values, Blob(b))
		}
	}
	return values
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func parseArray(text string) ([]Value, error) {
	var raw []json.RawMessage
	dec := json.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&raw); err != nil {
		return nil, fmt.Errorf("it begins like a JSON array and is none: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the JSON array")
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("the array is empty")
	}
	values := make([]Value, len(raw))
	for i, r := range raw {
		var err error
		if values[i], err = parseLoosely(r); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// parseLoosely reads any JSON spelling of a value.
func parseLoosely(raw json.RawMessage) (Value, error) {
	var x any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		return Value{}, err
	}
	switch x := x.(type) {
	case nil:
		return Value{}, nil
	case string:
		return Text(x), nil
	case json.Number:
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil {
			return Integer(n), nil
		}
		f, err := x.Float64()
		return Real(f), err
	case map[string]any:
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return Value{}, err
		}
		var v Value
		err := v.UnmarshalJSON(compact.Bytes())
		return v, err
	}
	return Value{}, fmt.Errorf("%w: %s", ErrValue, raw)
}

// KeyAfter is the row's primary key after the change: another one than Key
// where a statement changes it.
func (c *Change) KeyAfter() []Value {
	if c.Op != Update {
		return c.Key
	}
	key := make([]Value, len(c.Key))
	for i, name := range c.KeyColumns {
		key[i], _ = c.After(name)
	}
	return key
}
