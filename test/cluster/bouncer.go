package cluster

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Bouncer starts a PgBouncer in transaction mode before the server at address, and
// returns the address of the same database through it. It ends with the test.
func Bouncer(t testing.TB, address string) string {
	t.Helper()
	through, err := bouncer(t, address)
	if err != nil {
		t.Fatal(err)
	}
	return through
}

func bouncer(t testing.TB, address string) (string, error) {
	to, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer" // where Debian has it, out of most people's PATH
	}
	folder, err := newFolder()
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	port, err := freePort()
	if err != nil {
		return "", err
	}
	config := filepath.Join(folder, "pgbouncer.ini")
	text := strings.Join([]string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%s", to.Hostname(), to.Port()),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		fmt.Sprintf("listen_port = %d", port),
		"unix_socket_dir =",
		"auth_type = any",
		"pool_mode = transaction",
		"default_pool_size = 20",
		"max_client_conn = 500",
		"",
	}, "\n")
	// With "any" the address names the user.
	text = strings.Replace(text, "port="+to.Port(), "port="+to.Port()+" user="+to.User.Username(), 1)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", err
	}
	as, err := owner()
	if err != nil {
		return "", err
	}
	c := exec.Command(path, "-q", config)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
	output := &bytes.Buffer{}
	c.Stdout, c.Stderr = output, output
	ended := make(chan struct{})
	if err := launch(c, ended); err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = c.Process.Kill(); <-ended })
	through := *to
	through.Host = fmt.Sprintf("127.0.0.1:%d", port)
	if err := waitFor(through.String(), ended, "SELECT 1"); err != nil {
		return "", fmt.Errorf("PgBouncer does not start: %w\n%s", err, output)
	}
	return through.String(), nil
}
