package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"replog/client"
)

// clientOptions are what the flags of a command say about a device.
func clientOptions(c *cli.Context) (client.Options, error) {
	web, err := httpClient(c.String("ca-file"))
	if err != nil {
		return client.Options{}, err
	}
	return client.Options{
		HTTP: web, BusyTimeout: c.Duration("busy-timeout"), RetryFor: retryFor(c), Progress: progress(c),
	}, nil
}

// withDevice opens the enrolled database at path and runs f on it, within the
// time of --timeout. Errors name the file.
func withDevice(c *cli.Context, path string, f func(context.Context, *client.Device) error) error {
	options, err := clientOptions(c)
	if err != nil {
		return err
	}
	ctx, cancel := limited(c)
	defer cancel()
	d, err := client.Open(path, options)
	if err != nil {
		return about(path, err)
	}
	defer d.Close()
	return about(path, f(ctx, d))
}

// limited is the command's context, which ends after --timeout where that is
// given.
func limited(c *cli.Context) (context.Context, context.CancelFunc) {
	if t := c.Duration("timeout"); t > 0 {
		return context.WithTimeout(c.Context, t)
	}
	return context.WithCancel(c.Context)
}

// about names the file in an error that does not do so itself.
func about(path string, err error) error {
	if err == nil || namesFile(err) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func namesFile(err error) bool {
	var (
		busy        *client.BusyError
		mismatch    *client.MismatchError
		diverged    *client.DivergedError
		notEnrolled *client.NotEnrolledError
		differs     *client.DiffersError
		uncaptured  *client.UncapturedError
		exists      *client.ExistsError
		notFound    *client.NotFoundError
	)
	return errors.As(err, &busy) || errors.As(err, &mismatch) || errors.As(err, &diverged) ||
		errors.As(err, &notEnrolled) || errors.As(err, &differs) || errors.As(err, &uncaptured) ||
		errors.As(err, &exists) || errors.As(err, &notFound)
}
