package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/client"
)

// fork is `replog init --fork`.
func fork(c *cli.Context, s *stdio, path string) error {
	address := c.String("server")
	if address != "" {
		var err error
		if address, err = databaseURL(c, s, address); err != nil {
			return err
		}
	}
	options, err := clientOptions(c)
	if err != nil {
		return err
	}
	token := ""
	if isDevice(path, options) && !client.IsForking(path, options) {
		if token, err = readToken(c); err != nil {
			return err
		}
	}
	ctx, cancel := limited(c)
	defer cancel()
	r, err := client.Fork(ctx, client.ForkRequest{Path: path, URL: address, Token: token, Name: deviceName(c)}, options)
	if err != nil {
		return about(path, err)
	}
	s.forked(path, r)
	return nil
}

// forked says what init --fork did.
func (s *stdio) forked(path string, r *client.ForkResult) {
	if r.Alike && r.Pending > 0 {
		s.warn("the log has nothing of another copy: if there is one that has %s of this outbox too, that arrives twice", count(r.Pending, "transaction"))
	}
	fmt.Fprintf(s.out, "%s is device %s of database %s, at revision %d; it was %s\n", path, r.Device, r.Database, r.SyncPoint, r.Former)
	fmt.Fprintf(s.out, "%s in the outbox; the server had %d more\n", count(r.Pending, "transaction"), r.Known)
	if r.Without > 0 {
		s.say(count(r.Without, "transaction")+" could not be replayed", "`replog pending "+path+"` says why; the next sync uploads them all the same")
	}
	if r.Waiting > 0 {
		s.waiting(path, r.Waiting)
	}
}
