package story

import (
	"os"
	"strings"

	"replog/applier"
	"replog/client"
	"replog/replog"
)

// device is one file.
type device struct {
	w    *world
	path string
}

// init enrols the file; the request's path, address and token are filled in.
func (d *device) init(req client.InitRequest) {
	d.w.t.Helper()
	if _, err := d.tryInit(req, client.Options{}); err != nil {
		d.w.t.Fatal(err)
	}
}

func (d *device) tryInit(req client.InitRequest, o client.Options) (*client.InitResult, error) {
	d.w.t.Helper()
	req.Path, req.URL, req.Token = d.path, d.w.url, d.w.admin()
	return client.Init(d.w.t.Context(), req, o)
}

// write runs SQL as an application would.
func (d *device) write(sql string) {
	d.w.t.Helper()
	c, err := applier.Open(d.path, applier.OpenOptions{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script(sql); err != nil {
		d.w.t.Fatalf("%s: %v", sql, err)
	}
}

// read gives the rows of a query, each as a JSON array.
func (d *device) read(query string) string {
	d.w.t.Helper()
	c, err := applier.Open(d.path, applier.OpenOptions{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer c.Close()
	var lines []string
	err = c.Query(query, func(row []replog.Value) error {
		lines = append(lines, replog.KeyString(row))
		return nil
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return strings.Join(lines, " ")
}

func (d *device) shows(query, want string) {
	d.w.t.Helper()
	if got := d.read(query); got != want {
		d.w.t.Fatalf("%s: %s gives %s, want %s", d.path, query, got, want)
	}
}

func (d *device) open() *client.Device { return d.openWith(client.Options{}) }

func (d *device) openWith(o client.Options) *client.Device {
	d.w.t.Helper()
	x, err := client.Open(d.path, o)
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.w.t.Cleanup(func() { x.Close() })
	return x
}

func (d *device) sync(mode client.Mode) *client.SyncResult {
	d.w.t.Helper()
	r, err := d.trySync(mode, client.Options{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return r
}

func (d *device) trySync(mode client.Mode, o client.Options) (*client.SyncResult, error) {
	d.w.t.Helper()
	x, err := client.Open(d.path, o)
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer x.Close()
	return x.Sync(d.w.t.Context(), mode)
}

func (d *device) repair() *client.RepairResult {
	d.w.t.Helper()
	x := d.open()
	defer x.Close()
	r, err := x.Repair(d.w.t.Context())
	if err != nil {
		d.w.t.Fatal(err)
	}
	return r
}

func (d *device) status() *client.Status {
	d.w.t.Helper()
	x := d.open()
	defer x.Close()
	s, err := x.Status(d.w.t.Context())
	if err != nil {
		d.w.t.Fatal(err)
	}
	return s
}

func (d *device) pending() []client.Pending {
	d.w.t.Helper()
	x := d.open()
	defer x.Close()
	list, err := x.Pending(d.w.t.Context())
	if err != nil {
		d.w.t.Fatal(err)
	}
	return list
}

func (d *device) conflicts() []client.Conflict {
	d.w.t.Helper()
	x := d.open()
	defer x.Close()
	list, err := x.Conflicts(d.w.t.Context())
	if err != nil {
		d.w.t.Fatal(err)
	}
	return list
}

// bytes is the file as it is.
func (d *device) bytes() string {
	d.w.t.Helper()
	b, err := os.ReadFile(d.path)
	if err != nil {
		d.w.t.Fatal(err)
	}
	return string(b)
}

// duplicate copies the file with its token, as a person would.
func (d *device) duplicate(name string) *device {
	d.w.t.Helper()
	to := &device{w: d.w, path: d.w.dir + "/" + name}
	d.w.copyFile(d.path, to.path)
	d.w.copyFile(client.TokenPath(d.path), client.TokenPath(to.path))
	return to
}
