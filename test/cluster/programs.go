package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// program finds one of PostgreSQL's: Debian keeps most of them out of PATH.
func program(name string) (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil {
		return "", err
	}
	if len(folders) > 0 {
		return slices.MaxFunc(folders, func(a, b string) int { return version(a) - version(b) }), nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: install PostgreSQL, on Debian with apt-get install postgresql", err)
	}
	return path, nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// owner is whom the servers run as: nil for whoever runs the test.
func owner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// command is a call of a program in the folder, as the owner.
func command(folder, name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	as, err := owner()
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, args...)
	c.Dir = folder
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return c, nil
}

// run is a call that has to succeed.
func run(folder, name string, args ...string) error {
	c, err := command(folder, name, args...)
	if err != nil {
		return err
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// newFolder makes a folder that belongs to the owner. Test folders of the testing
// package cannot be entered by other users.
func newFolder() (string, error) {
	folder, err := os.MkdirTemp("", "replog-cluster-")
	if err != nil {
		return "", err
	}
	as, err := owner()
	if err == nil && as != nil {
		err = os.Chown(folder, int(as.Uid), int(as.Gid))
	}
	return folder, err
}
