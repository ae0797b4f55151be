package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/urfave/cli/v2"

	"replog/server"
	"replog/sql/sqlite"
)

// defaultListen is loopback: replog speaks plain HTTP.
const defaultListen = "127.0.0.1:8730"

func serveCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the server",
		Description: "Keeps its databases under --data, and makes the folder if need be. Prints its address once it is ready.\n" +
			"The first administrator's token is written to admin.token in that folder. SIGINT or SIGTERM ends it, after\n" +
			"the requests that are under way.\n\n" +
			"It speaks plain HTTP. To be reached from other machines it needs a proxy that speaks TLS in front of it:\n" +
			"docs/server.md shows how.\n\n" +
			"With --store the logs are in a PostgreSQL database, which `replog store migrate` prepares, and any number of\n" +
			"servers may use it, each with a folder of its own for --data, behind a load balancer: docs/postgres.md.\n\n" +
			exitCodes(codeFailed, codeUsage, codeTryLater),
		Flags: []cli.Flag{
			dataFlag(),
			storeFlag(),
			&cli.StringFlag{Name: "listen", Usage: "address and port; port 0 takes a free one", Value: defaultListen},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			data, err := required(c, "data")
			if err != nil {
				return err
			}
			return serve(c.Context, s, data, c.String("store"), c.String("listen"))
		},
	}
}

// serve runs the server until ctx is done, then lets requests under way end.
func serve(ctx context.Context, s *stdio, data, store, address string) (err error) {
	logger := slog.New(slog.NewTextHandler(s.err, nil))
	stores, err := servedStores(ctx, data, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	srv, err := server.Open(server.Config{Data: data, Stores: stores, Logger: logger})
	if errors.Is(err, server.ErrInUse) {
		return &failure{err: err, next: "end the other one first, or give another folder with --data"}
	}
	if err != nil {
		return adviseLost(store, err)
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return &failure{err: err, next: "choose another address with --listen; port 0 takes a free one"}
	}
	if !isLoopback(listener.Addr()) {
		s.warn("%s can be reached from other machines, and replog speaks plain HTTP: tokens and data travel readable.\n"+
			"  Listen on loopback and put a proxy that speaks TLS in front, such as Caddy or nginx: see docs/server.md", listener.Addr())
	}
	logger.Info("serving", "address", listener.Addr().String(), "data", data, "store", redacted(store))
	fmt.Fprintf(s.out, "http://%s\n", listener.Addr())
	err = srv.Serve(ctx, listener)
	logger.Info("stopped", "error", err)
	return err
}

// servedStores opens what a server keeps its logs in.
func servedStores(ctx context.Context, data, store string) (server.Stores, error) {
	if store != "" {
		return openStore(ctx, store)
	}
	return sqlite.NewFolder(data, sqlite.Options{}), nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
