package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"replog/client"
)

func syncCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "sync",
		Usage:     "upload what devices recorded, then download what others did",
		ArgsUsage: "DB…",
		Description: "Each DB is synced on its own. Programs may write to it meanwhile; it is locked for the last, short part\n" +
			"only. Where anything goes wrong, DB stays as it was, and the next sync starts again.\n\n" +
			exitCodes(codeFailed, codeUsage, codeWaiting, codeNotAllowed, codeMustRepair, codeDiffers, codeTryLater) +
			"\n\nWith several databases the exit code is the first that applies of 5, 6, 7, 1, 75, 3 and 0.\n\n" +
			"With --watch it syncs soon after each change, here or on the server, until SIGINT or SIGTERM ends it (0). It is\n" +
			"silent but for trouble, and tries again what may pass (75); any other failure of a database ends its watch, and\n" +
			"the command when it was the last one. --json prints an object for each sync that did something.\n\n" +
			"Where the server gave up revisions that DB knows, after a fail-over or as a backup was put back, sync ends with 6,\n" +
			"and --rejoin brings DB back: its content is loaded again as the server has it, what DB had uploaded of that is\n" +
			"sent again, and the file as it was stays beside DB as a backup. In all other cases --rejoin does nothing.",
		Flags: []cli.Flag{
			jsonFlag("print one JSON object a database"),
			&cli.BoolFlag{Name: "push-only", Usage: "upload, and download nothing"},
			&cli.BoolFlag{Name: "pull-only", Usage: "download, and upload nothing"},
			&cli.BoolFlag{Name: "rejoin", Usage: "where the server gave up revisions that DB knows, come back to it"},
			&cli.BoolFlag{Name: "watch", Usage: "go on syncing, soon after each change here or on the server"},
			&cli.DurationFlag{Name: "poll", Usage: "with --watch: how often to ask a server whose events do not get through", Value: 10 * time.Second},
			caFlag(), timeoutFlag(), busyFlag(),
		},
		Action: func(c *cli.Context) error {
			paths, err := arguments(c, 1, -1)
			if err != nil {
				return err
			}
			if err := exclusive(c, "push-only", "pull-only"); err != nil {
				return err
			}
			for _, other := range []string{"push-only", "pull-only", "watch"} {
				if err := exclusive(c, "rejoin", other); err != nil {
					return err
				}
			}
			if c.Duration("poll") <= 0 {
				return usage(c, "--poll must be above 0")
			}
			if c.Bool("watch") {
				return watchAll(c, s, paths)
			}
			code := codeDone
			for _, path := range paths {
				code = graver(code, syncOne(c, s, path))
			}
			if code != codeDone {
				return silent(code)
			}
			return nil
		},
	}
}

// syncMode is which way the flags say that syncs go.
func syncMode(c *cli.Context) client.Mode {
	switch {
	case c.Bool("push-only"):
		return client.PushOnly
	case c.Bool("pull-only"):
		return client.PullOnly
	}
	return client.Both
}

// syncOne syncs one database, says what happened, and returns its exit code.
func syncOne(c *cli.Context, s *stdio, path string) int {
	mode := syncMode(c)
	var result *client.SyncResult
	err := withDevice(c, path, func(ctx context.Context, d *client.Device) (err error) {
		if c.Bool("rejoin") {
			result, err = d.Rejoin(ctx)
		} else {
			result, err = d.Sync(ctx, mode)
		}
		return err
	})
	if err != nil {
		return s.finish(err)
	}
	s.rejoined(path, result.Rejoined)
	s.local(path, result.Local)
	s.missed(path, result.Missed)
	s.differed(path, result.Differed)
	if c.Bool("json") {
		err = printJSON(s.out, result)
	} else {
		_, err = fmt.Fprintf(s.out, "%s: %s\n", path, syncLine(result))
	}
	if err != nil {
		return s.finish(err)
	}
	if result.Waiting > 0 {
		s.waiting(path, int(result.Waiting))
		return codeWaiting
	}
	return codeDone
}

// rejoined tells that path came back to a server that had given up revisions.
func (s *stdio) rejoined(path string, r *client.RejoinResult) {
	if r != nil {
		s.say(fmt.Sprintf("%s: loaded again, as the server has given up revisions after %d; %s of this device came back and went up again",
			path, r.Common, count(r.TakenBack, "transaction")), "the file as it was: "+r.Backup)
	}
}

// local tells what of path no other file gets.
func (s *stdio) local(path string, names []string) {
	if len(names) > 0 {
		s.warn("%s: not on the server, and kept in this file only: %s", path, oneLine(strings.Join(names, ", ")))
	}
}

// missed tells that capture did not see some changes of path.
func (s *stdio) missed(path string, rows int) {
	if rows > 0 {
		s.say(fmt.Sprintf("%s: a table was made anew, without capture's triggers: %s missed", path, count(rows, "changed row")),
			"found by a comparison and recorded; capture is installed again")
	}
}

// differed tells that statements of others did something else here.
func (s *stdio) differed(path string, entries int) {
	if entries > 0 {
		s.warn("%s: the statements of %s did something else here than on the server, so that their changes were fetched: has this file triggers, or a SQLite, that the server does not have?",
			path, count(entries, "transaction"))
	}
}

// syncLine says what a sync did: "sent 3 (2 applied, 1 rejected), received 4, at
// revision 17".
func syncLine(r *client.SyncResult) string {
	var outcomes []string
	for _, n := range []struct {
		number int
		what   string
	}{
		{r.Applied, "applied"}, {r.Ignored, "ignored"}, {r.Conflicts, "in conflict"}, {r.Rejected, "rejected"}, {r.Held, "held"},
	} {
		if n.number > 0 {
			outcomes = append(outcomes, fmt.Sprintf("%d %s", n.number, n.what))
		}
	}
	fate := ""
	if len(outcomes) > 0 {
		fate = " (" + strings.Join(outcomes, ", ") + ")"
	}
	return fmt.Sprintf("sent %d%s, received %d, at revision %d", r.Uploaded, fate, r.Downloaded, r.SyncPoint)
}

// waiting tells that something in path needs a person.
func (s *stdio) waiting(path string, n int) {
	verb := "wait"
	if n == 1 {
		verb = "waits"
	}
	s.say(fmt.Sprintf("%s: %s that could not be applied %s for a person", path, count(n, "change"), verb),
		"kept, here and in the server's log: `replog conflicts list "+path+"`")
}
