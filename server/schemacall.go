package server

import (
	"net/http"
	"strings"

	"replog/applier"
	"replog/replog"
)

// baseObjects lists the objects of a first content as a replica lists its own.
func baseObjects(c *applier.Conn) ([]applier.Object, error) {
	list, err := applier.ReadObjects(c)
	return applier.WithTriggers(list, applier.TriggerTexts(list)), err
}

// readSchema answers with a replog.SchemaVersion: the newest, or that of the revision
// at=.
func (s *Server) readSchema(c *call) error {
	head, err := c.db.log.Head(c.r.Context())
	if err != nil {
		return err
	}
	at := head.Revision
	if asked := c.r.URL.Query().Get("at"); asked != "" {
		if at, err = replog.ParseRevision(asked); err != nil {
			return malformed("%v", err)
		}
	}
	if at > head.Revision {
		return notFound("revision")
	}
	v, err := c.db.log.SchemaAt(c.r.Context(), at)
	if err != nil {
		return err
	}
	c.setHead(head)
	return c.answerJSON(http.StatusOK, v)
}

// checkSchema refuses a device that agreed with the log on a schema which the log
// never had.
func (c *call) checkSchema(fingerprint string, head replog.Revision) error {
	d := c.db
	if _, known := d.schemas.Load(fingerprint); known {
		return nil
	}
	has, err := d.log.HasSchema(c.r.Context(), fingerprint)
	if err != nil {
		return err
	}
	if has {
		d.schemas.Store(fingerprint, true) // a log forgets none
		return nil
	}
	newest, err := d.log.SchemaAt(c.r.Context(), head)
	if err != nil {
		return err
	}
	return conflict(replog.CodeSchema, "the schema differs from the server's",
		"the device's is %q, which the database never had; the server's, %q since revision %d, has %s",
		fingerprint, newest.Fingerprint, newest.Revision, d.listTables())
}

// listTables names tables and columns, as far as they can be read now:
// customer(id, name), visit(id, day).
func (d *database) listTables() string {
	var tables []string
	err := d.readReplica(func(c *applier.Conn) error {
		s, err := applier.ReadSchema(c)
		if err != nil {
			return err
		}
		for _, t := range s.Tables {
			tables = append(tables, t.Name+"("+strings.Join(t.ColumnNames(), ", ")+")")
		}
		return nil
	})
	if err != nil {
		d.cfg.Logger.Warn("the tables cannot be listed", "database", d.name, "error", err)
		return "other tables"
	}
	return strings.Join(tables, ", ")
}
