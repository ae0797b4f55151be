package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"replog/cmd/replog/sample"
)

func demoCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the main job: a server and two devices in a temporary folder",
		Description: "Starts a server on a free port of this machine, publishes the sample database from one device, clones it to\n" +
			"another, edits both offline, syncs them, and compares. Everything is done by processes of their own, as a\n" +
			"person would run them. The folder is left for a look.\n\n" + exitCodes(codeFailed, codeUsage),
		Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "a new folder to work in (a temporary one if not given)", TakesFile: true}},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			folder, err := demoFolder(c.String("dir"))
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			d := &demo{s: s, folder: folder, program: program}
			if err := d.run(c.Context); err != nil {
				return &failure{err: fmt.Errorf("the demo: %w", err), next: "its files are in " + folder}
			}
			return nil
		},
	}
}

func demoFolder(wanted string) (string, error) {
	if wanted == "" {
		return os.MkdirTemp("", "replog-demo-")
	}
	folder, err := filepath.Abs(wanted)
	if err != nil {
		return "", err
	}
	return folder, os.Mkdir(folder, 0o700)
}

// The files of the demo, in its folder.
const (
	demoOffice   = "office.db"
	demoVan      = "van.db"
	demoToken    = "van.token"
	demoServer   = "server"
	demoDatabase = "field"

	// The office's first transaction has two parts that were not applied; this
	// is the one that waits.
	demoConflict = "1.2"
)

// run tells the story, step by step. It fails at the first step that does not
// end as it should.
func (d *demo) run(ctx context.Context) (err error) {
	d.title("A field-service company keeps its data in a SQLite file")
	if err := sample.Create(d.path(demoOffice)); err != nil {
		return err
	}
	if err := d.countRows(); err != nil {
		return err
	}

	d.title("A server, here on this machine")
	if err := d.startServer(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stopServer()) }()
	address := d.url + "/" + demoDatabase

	d.title("The office publishes its file; from now on it is a device")
	admin := filepath.Join(demoServer, "admin.token")
	if err := d.replog(ctx, codeDone, "init", demoOffice, "--server", address, "--publish", "--token-file", admin, "--name", "office"); err != nil {
		return err
	}

	d.title("The van gets a token that works once, and clones")
	if err := d.replogTo(ctx, demoToken, "token", "create", demoDatabase, "--data", demoServer, "--name", "van"); err != nil {
		return err
	}
	if err := d.replog(ctx, codeDone, "clone", address, demoVan, "--token-file", demoToken, "--name", "van"); err != nil {
		return err
	}

	d.title("Both work offline, in programs that know nothing of replog")
	if err := d.edit(demoOffice, officeEdits); err != nil {
		return err
	}
	nextMillisecond() // so that it is clear which of two edits is newer
	if err := d.edit(demoVan, vanEdits); err != nil {
		return err
	}

	d.title("Each syncs when it has a network; the van first")
	if err := d.replog(ctx, codeDone, "sync", demoVan); err != nil {
		return err
	}
	if err := d.replog(ctx, codeWaiting, "sync", demoOffice); err != nil {
		return err
	}
	d.note("exit code 3: the office booked a technician for a time that the van had taken.")
	if err := d.replog(ctx, codeDone, "conflicts", "list", demoOffice); err != nil {
		return err
	}
	if err := d.replog(ctx, codeDone, "conflicts", "show", demoOffice, demoConflict); err != nil {
		return err
	}

	d.title("The office decides: another time; then both sync")
	if err := d.edit(demoOffice, secondThoughts); err != nil {
		return err
	}
	if err := d.replog(ctx, codeDone, "conflicts", "discard", demoOffice, demoConflict); err != nil {
		return err
	}
	if err := d.replog(ctx, codeDone, "sync", demoOffice, demoVan); err != nil {
		return err
	}

	d.title("Both files, and the server's, are the same")
	if err := d.replog(ctx, codeDone, "diff", demoOffice, demoVan); err != nil {
		return err
	}
	replica := filepath.Join(demoServer, "databases", demoDatabase, "replica.db")
	if err := d.replog(ctx, codeDone, "diff", demoOffice, replica); err != nil {
		return err
	}

	d.title("The log has it all, what was not applied included")
	if err := d.replog(ctx, codeDone, "log", demoOffice); err != nil {
		return err
	}
	if err := d.stopServer(); err != nil {
		return err
	}
	d.farewell()
	return nil
}
