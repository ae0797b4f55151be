package replog

import "strconv"

// AppendJSON appends the JSON form of c to b: the bytes that encoding/json
// would write, many times faster.
func (c *Change) AppendJSON(b []byte) []byte {
	b = append(b, `{"table":`...)
	b = appendString(b, c.Table)
	b = append(b, `,"op":`...)
	b = appendString(b, string(c.Op))
	b = append(b, `,"key":`...)
	b = AppendKey(b, c.Key)
	b = append(b, `,"key_columns":`...)
	b = appendNames(b, c.KeyColumns)
	if len(c.Columns) > 0 {
		b = append(b, `,"columns":`...)
		b = appendNames(b, c.Columns)
	}
	if len(c.Old) > 0 {
		b = append(b, `,"old":`...)
		b = AppendKey(b, c.Old)
	}
	if len(c.New) > 0 {
		b = append(b, `,"new":`...)
		b = AppendKey(b, c.New)
	}
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, int64(c.Time), 10)
	if len(c.Times) > 0 {
		b = append(b, `,"times":`...)
		b = appendTimes(b, c.Times)
	}
	if c.Context != nil && len(c.Context.Columns) > 0 {
		b = append(b, `,"context":{"columns":`...)
		b = appendNames(b, c.Context.Columns)
		b = append(b, `,"values":`...)
		b = AppendKey(b, c.Context.Values)
		b = append(b, '}')
	}
	if c.Unit != 0 {
		b = append(b, `,"unit":`...)
		b = strconv.AppendInt(b, int64(c.Unit), 10)
	}
	if c.Restored {
		b = append(b, `,"restored":true`...)
	}
	return append(b, '}')
}

func appendNames(b []byte, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
	}
	return append(b, ']')
}

func appendTimes(b []byte, times []Millis) []byte {
	b = append(b, '[')
	for i, t := range times {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(t), 10)
	}
	return append(b, ']')
}

// ParseChange reads what AppendJSON wrote, and no other spelling of it. The
// change is valid (see Validate). Errors wrap ErrForm.
func ParseChange(b []byte) (Change, error) {
	p := parser{b: b}
	c := p.change()
	return c, p.done()
}

// change reads a Change, valid unless the parser failed.
func (p *parser) change() Change {
	var c Change
	p.expect(`{"table":`)
	c.Table = p.name()
	p.expect(`,"op":`)
	c.Op = Op(p.name())
	p.expect(`,"key":`)
	c.Key = p.values(1)
	p.expect(`,"key_columns":`)
	c.KeyColumns = p.nameList(len(c.Key))
	if p.literal(`,"columns":`) {
		c.Columns = p.nameList(8)
	}
	if p.literal(`,"old":`) {
		c.Old = p.values(len(c.Columns))
	}
	if p.literal(`,"new":`) {
		c.New = p.values(len(c.Columns))
	}
	p.expect(`,"time":`)
	c.Time = Millis(p.integer())
	if p.literal(`,"times":`) {
		p.list(func() { c.Times = append(c.Times, Millis(p.integer())) })
	}
	if p.literal(`,"context":{"columns":`) {
		c.Context = p.context()
	}
	if p.literal(`,"unit":`) {
		if c.Unit = int(p.integer()); c.Unit == 0 {
			p.fail("unit 0")
		}
	}
	c.Restored = p.literal(`,"restored":true`)
	p.expect("}")
	if p.err == nil {
		p.err = wrapForm(c.Validate())
	}
	return c
}

func (p *parser) context() *Context {
	c := &Context{Columns: p.nameList(1)}
	p.expect(`,"values":`)
	c.Values = p.values(len(c.Columns))
	p.expect("}")
	return c
}

// values reads a list of about n values.
func (p *parser) values(n int) []Value {
	values := make([]Value, 0, n)
	p.list(func() { values = append(values, p.value()) })
	return values
}

// nameList reads a list of about n names.
func (p *parser) nameList(n int) []string {
	list := make([]string, 0, n)
	p.list(func() { list = append(list, p.name()) })
	return list
}
