package cluster

import (
	"fmt"
	"testing"
)

// Standby makes a standby of the server, which streams from it, and starts it. Where
// it is synchronous, the server's commits wait for it from now on.
func (s *Server) Standby(t testing.TB, synchronous bool) *Server {
	t.Helper()
	return s.StandbyAt(t, 0, synchronous)
}

// StandbyAt makes a standby that listens on a port, where that is not 0: that of a
// server that is gone.
func (s *Server) StandbyAt(t testing.TB, port int, synchronous bool) *Server {
	t.Helper()
	b, err := s.standby(port, synchronous)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Remove)
	return b
}

// standbyName is the name by which the server knows its standby.
const standbyName = "standby"

func (s *Server) standby(port int, synchronous bool) (*Server, error) {
	b, err := newServer(s.fast)
	if err != nil {
		return nil, err
	}
	if port != 0 {
		b.Port = port
	}
	from := fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=%s", s.Port, standbyName)
	err = run(b.folder, "pg_basebackup", "--pgdata", b.data(), "--dbname", from, "--write-recovery-conf",
		"--checkpoint", "fast", "--wal-method", "stream", "--no-sync")
	if err == nil {
		err = b.configure([]string{"primary_conninfo = '" + from + "'", "synchronous_standby_names = ''"})
	}
	if err == nil {
		err = b.Run()
	}
	if err == nil {
		err = s.waitFor("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
	}
	if err == nil && synchronous {
		err = s.exec("ALTER SYSTEM SET synchronous_standby_names = '" + standbyName + "'")
		if err == nil {
			err = s.exec("SELECT pg_reload_conf()")
		}
		if err == nil {
			err = s.waitFor("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
		}
	}
	if err != nil {
		b.Remove()
		return nil, err
	}
	return b, nil
}

// Promote makes a standby take over, and waits until it takes writes.
func (s *Server) Promote() error {
	if err := s.exec("SELECT pg_promote(false)"); err != nil {
		return err
	}
	return s.waitFor("SELECT NOT pg_is_in_recovery()")
}

// CaughtUp waits until all standbys of the server have all that it has.
func (s *Server) CaughtUp() error {
	return s.waitFor("SELECT coalesce(bool_and(replay_lsn = pg_current_wal_lsn()), false) FROM pg_stat_replication")
}

// Detach ends a standby's streaming: what is committed from then on does not reach it.
func (s *Server) Detach() error {
	if err := s.exec("ALTER SYSTEM SET primary_conninfo = ''"); err != nil {
		return err
	}
	if err := s.exec("SELECT pg_reload_conf()"); err != nil {
		return err
	}
	return s.waitFor("SELECT count(*) = 0 FROM pg_stat_wal_receiver")
}

// DSNOfBoth addresses a database of whichever of two servers takes writes.
func DSNOfBoth(a, b *Server, database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/%s?sslmode=disable&target_session_attrs=read-write", a.Port, b.Port, database)
}
