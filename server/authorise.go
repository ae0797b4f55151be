package server

import (
	"net/http"
	"slices"
	"strings"

	"replog/replog"
)

// authenticate finds the request's token. It is looked up every time: revoking
// works from the next request on.
func (s *Server) authenticate(c *call) error {
	unauthorized := &replog.Problem{Status: http.StatusUnauthorized, Code: replog.CodeUnauthorized,
		Title: "a valid token is needed", Detail: "send it as Authorization: Bearer TOKEN"}
	scheme, secret, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return unauthorized
	}
	t, err := s.registry.findToken(c.r.Context(), strings.TrimSpace(secret))
	if err != nil {
		return err
	}
	if t == nil || !t.Valid(s.cfg.now()) {
		return unauthorized
	}
	c.token = t
	return nil
}

// authorise checks that the token allows the call on the database, and finds
// the database. Only an administrator learns which databases there are.
func (s *Server) authorise(c *call, kinds []TokenKind) (err error) {
	if c.db, err = s.database(c.r.Context(), c.name); err != nil {
		return err
	}
	if c.token.Kind == Administrator {
		if c.db == nil {
			return notFound("database")
		}
		return c.alive()
	}
	if !slices.Contains(kinds, c.token.Kind) {
		return forbidden("this call is not for a token of kind " + string(c.token.Kind))
	}
	if c.token.Database != c.name || c.db == nil {
		return forbidden("the token is for another database")
	}
	if c.token.databaseID != c.db.id {
		return replaced(c.token.databaseID, c.db.id)
	}
	return c.alive()
}

// alive fails where a fault point fired for the database.
func (c *call) alive() error {
	if c.db.dead.Load() {
		return errKilled
	}
	return nil
}

func replaced(was, is string) *replog.Problem {
	return conflict(replog.CodeDatabase, "another database has this name now", "it was %s, it is %s", was, is)
}
