package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"replog/replog"
	"replog/server"
	"replog/sql/sqlite"
)

// stores keeps logs in SQLite files, as the command does.
type stores struct{}

func (stores) Create(folder string, head replog.Head) (server.Store, error) {
	return sqlite.Create(filepath.Join(folder, "log.db"), head, sqlite.Options{})
}

func (stores) Open(folder string) (server.Store, error) {
	return sqlite.Open(filepath.Join(folder, "log.db"), sqlite.Options{})
}

// serve is `replog serve`, but each upload has a commit of its own.
func serve(args []string) (err error) {
	if len(args) != 1 {
		return errors.New("serve: give the data folder")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := server.Open(server.Config{
		Data: args[0], Stores: stores{}, Logger: slog.New(slog.DiscardHandler), Limits: server.Limits{BatchUploads: 1},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return s.Serve(ctx, listener)
}
