package driver

import (
	"database/sql/driver"
	"slices"
)

// maxCached is how many statements a connection keeps compiled, maxCachedSQL and
// maxCachedArgument up to which length, as arguments stay bound. Capture's triggers
// are compiled into every statement that fires them, which takes longer than most
// run.
const (
	maxCached         = 32
	maxCachedSQL      = 8 << 10
	maxCachedArgument = 8 << 10
)

// take returns a statement that is kept, or compiles one. It is the caller's until
// it is given back.
func (c *Conn) take(sql string) (*statement, error) {
	for i := len(c.cache) - 1; i >= 0; i-- {
		if s := c.cache[i]; s.sql == sql {
			c.cache = slices.Delete(c.cache, i, i+1)
			return s, nil
		}
	}
	return c.compile(sql)
}

// give gives back a statement that is at its end.
func (c *Conn) give(s *statement, args []driver.NamedValue) {
	if !(s.writes || s.reads) || s.unchecked || len(s.sql) > maxCachedSQL || slices.ContainsFunc(args, isLong) {
		s.sqlite.Close()
		return
	}
	if len(c.cache) == maxCached {
		c.cache[0].sqlite.Close()
		c.cache = slices.Delete(c.cache, 0, 1)
	}
	c.cache = append(c.cache, s)
}

func isLong(arg driver.NamedValue) bool {
	switch v := arg.Value.(type) {
	case string:
		return len(v) > maxCachedArgument
	case []byte:
		return len(v) > maxCachedArgument
	}
	return false
}

// forget closes what is kept.
func (c *Conn) forget() {
	for _, s := range c.cache {
		s.sqlite.Close()
	}
	c.cache = nil
}
