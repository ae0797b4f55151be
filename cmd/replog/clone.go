package main

import (
	"github.com/urfave/cli/v2"

	"replog/client"
)

func cloneCommand(s *stdio) *cli.Command {
	return &cli.Command{
		Name:      "clone",
		Usage:     "make a new device from the server's content",
		ArgsUsage: "URL DB",
		Description: "Downloads the database at http(s)://HOST:PORT/NAME into the new file DB and enrols it as a device.\n" +
			"The token comes from --token-file or REPLOG_TOKEN. The device's own token is kept in DB-token.\n" +
			"Where the download is cut, DB-partial keeps what has come, and the same command goes on from there.\n\n" +
			exitCodes(codeFailed, codeUsage, codeNotAllowed, codeMustRepair, codeTryLater),
		Flags: []cli.Flag{nameFlag(), tokenFlag(), caFlag(), timeoutFlag(), busyFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			address, err := databaseURL(c, s, args[0])
			if err != nil {
				return err
			}
			token, err := readToken(c)
			if err != nil {
				return err
			}
			options, err := clientOptions(c)
			if err != nil {
				return err
			}
			ctx, cancel := limited(c)
			defer cancel()
			result, err := client.Clone(ctx, address, args[1], token, deviceName(c), options)
			if err != nil {
				return about(args[1], err)
			}
			s.enrolled(args[1], result)
			return nil
		},
	}
}
