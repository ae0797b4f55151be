package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve answers requests on the listener until ctx is done, then gives those
// that run Limits.Shutdown to end. It returns nil when it was told to stop and
// all requests ended in time. It leaves closing the Server to the caller.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	web := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second, // for bodies see Limits.Stall
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	web.RegisterOnShutdown(s.listeners.end) // it would wait for them
	stopped := make(chan error, 1)
	cancel := context.AfterFunc(ctx, func() { stopped <- s.stop(web) })
	err := web.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		if cancel() {
			return err
		}
	}
	return <-stopped
}

func (s *Server) stop(web *http.Server) error {
	limit, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Shutdown)
	defer cancel()
	err := web.Shutdown(limit)
	if err != nil {
		err = errors.Join(err, web.Close())
	}
	return err
}
