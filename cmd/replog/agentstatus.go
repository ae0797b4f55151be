package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/agent"
)

func agentStatusCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how the agent and its databases fare",
		Description: "Reads the agent's status file. What needs a person goes to standard error, so that with standard output\n" +
			"thrown away it is silent unless something is wrong.\n\n" +
			exitCodes(codeFailed, codeUsage, codeWaiting, codeNotAllowed, codeMustRepair, codeDiffers, codeTryLater) +
			"\n\nThe code is the first that applies to any database of 5, 6, 7, 1, 75, 3 and 0; 1 also where no agent runs.",
		Flags: []cli.Flag{configFlag(), jsonFlag("print one JSON object")},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			config, err := required(c, "config")
			if err != nil {
				return err
			}
			status, err := agent.ReadStatus(config)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if err := printJSON(s.out, status); err != nil {
					return err
				}
			} else {
				printAgent(s, status)
			}
			return s.judgeAgent(config, status)
		},
	}
}

func printAgent(s *stdio, a *agent.Status) {
	t := table{header: []string{"DATABASE", "WHEN", "STATE", "LAST SYNC", "NEXT", "RUNS", "SKIPPED", "WAITING"}}
	for i := range a.Databases {
		d := &a.Databases[i]
		plan, next := d.Schedule, when(d.Next)
		if d.Watch {
			plan = "watch"
		}
		if d.Next == 0 || !a.Running {
			next = "-"
		}
		t.add(d.Path, plan, stateOf(a, d), when(d.LastSuccess), next, fmt.Sprint(d.Runs), fmt.Sprint(d.Skipped), fmt.Sprint(d.Waiting))
	}
	t.print(s.out)
}

// stateOf is how a database fares, in a word.
func stateOf(a *agent.Status, d *agent.DatabaseStatus) string {
	switch {
	case !a.Running:
		return "stopped"
	case d.Error != nil && !d.Error.MayPass:
		return "stuck"
	case d.Error != nil:
		return fmt.Sprintf("failing (%d)", d.Failures)
	case d.Waiting > 0:
		return "conflicts"
	case d.LastSync == 0:
		return "new"
	}
	return "ok"
}

// judgeAgent says what needs a person, and gives the exit code.
func (s *stdio) judgeAgent(config string, a *agent.Status) error {
	code := codeDone
	if !a.Running {
		s.complain(&failure{err: errors.New("no agent runs with " + config), next: "start it with `replog agent --config " + config + "`"})
		code = codeFailed
	}
	if a.BadConfig != "" {
		s.complain(&failure{err: errors.New(a.BadConfig), next: "correct it, and send the agent SIGHUP: it goes on with the one before"})
		code = graver(code, codeFailed)
	}
	for i := range a.Databases {
		d := &a.Databases[i]
		if d.Error != nil {
			code = graver(code, d.Error.Code)
			if !d.Error.MayPass {
				s.say(d.Error.Message, d.Error.Next)
			}
		}
		if d.Waiting > 0 {
			code = graver(code, codeWaiting)
			s.waiting(d.Path, d.Waiting)
		}
	}
	if code != codeDone {
		return silent(code)
	}
	return nil
}
