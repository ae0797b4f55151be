package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"replog/agent"
	"replog/client"
)

func agentCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:  "agent",
		Usage: "keep several databases in step, on schedules or by watching them",
		Description: "Reads from a YAML file which databases, and when; docs/agent.md describes it. SIGINT or SIGTERM ends it (0),\n" +
			"SIGHUP has it read the file again; a bad file then leaves things as they were. It is silent but for trouble:\n" +
			"`replog agent status` tells how it fares.\n\n" +
			exitCodes(codeFailed, codeUsage) + ", or a bad configuration at the start",
		Flags:       []cli.Flag{configFlag(), caFlag(), busyFlag()},
		Subcommands: []*cli.Command{agentStatusCommand(s)},
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return usage(c, "unknown command: %s", name)
			}
			config, err := required(c, "config")
			if err != nil {
				return err
			}
			options, err := clientOptions(c)
			if err != nil {
				return err
			}
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			return agent.Run(c.Context, agent.Options{
				Config: config, Reload: reload, Device: options, Voice: &agentVoice{s.shared(&sync.Mutex{})}, Explain: explain,
			})
		},
	}
}

func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: "the agent's configuration, a YAML file", TakesFile: true}
}

// explain says what an error of syncing a file comes to.
func explain(path string, err error) agent.Failure {
	return agent.Failure{Code: codeOf(err), Message: about(path, err).Error(), Next: nextInTime(err)}
}

// agentVoice says what is worth a line of an agent's work.
type agentVoice struct{ *stdio }

func (v *agentVoice) Failing(path string, err error) { v.failing(path, err) }
func (v *agentVoice) Recovered(path string)          { v.recovered(path) }
func (v *agentVoice) Waiting(path string, n int)     { v.waiting(path, n) }
func (v *agentVoice) NoStatus(err error)             { v.complain(err) }

func (v *agentVoice) Polling(path string, why error, every time.Duration) {
	v.polling(path, why, every)
}

func (v *agentVoice) NotReloaded(err error) {
	v.complain(err)
	v.say("the configuration is not reloaded: the one before stays", "")
}

// nextInTime is nextOf where syncs go on by themselves.
func nextInTime(err error) string {
	if client.MayPass(err) {
		return "what was recorded is kept; it is tried again until it works"
	}
	return nextOf(err)
}
