package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"replog/server"
	"replog/sql/postgres"
	"replog/sql/sqlite"
)

// serve is `replog serve`, but each upload has a commit of its own.
func serve(args []string) (err error) {
	if len(args) != 2 {
		return errors.New("serve: give the data folder and the address of a store, which may be empty")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var stores server.Stores = sqlite.NewFolder(args[0], sqlite.Options{})
	if args[1] != "" {
		if stores, err = postgres.Open(ctx, args[1], postgres.Options{}); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	s, err := server.Open(server.Config{
		Data: args[0], Stores: stores, Logger: slog.New(slog.DiscardHandler), Limits: server.Limits{BatchUploads: 1},
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
