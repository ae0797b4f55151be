package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

func TestEachKindOfErrorHasItsExitCode(t *testing.T) {
	problem := &replog.Problem{Code: replog.CodeUnauthorized}
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, codeDone},
		{errors.New("anything"), codeFailed},
		{usage(nil, "wrong"), codeUsage},
		{silent(codeWaiting), codeWaiting},
		{&client.NotAllowedError{Problem: problem}, codeNotAllowed},
		{&client.MismatchError{}, codeMustRepair},
		{&client.DivergedError{Err: problem}, codeDiffers},
		{&client.DiffersError{}, codeDiffers},
		{&client.UnreachableError{Err: problem}, codeTryLater},
		{&client.DamagedError{Err: problem}, codeFailed},
		{&client.BusyError{}, codeTryLater},
		{context.DeadlineExceeded, codeTryLater},
		{context.Canceled, codeFailed},
		{&client.NotEnrolledError{}, codeFailed},
		{&client.ExistsError{}, codeFailed},
	} {
		for _, err := range []error{c.err, about("a.db", c.err)} {
			s := &stdio{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
			if got := s.finish(err); got != c.code {
				t.Errorf("%T: exit code %d, want %d", c.err, got, c.code)
			}
		}
	}
}

func TestTheGravestExitCodeWins(t *testing.T) {
	order := []int{5, 6, 7, 1, 75, 3, 0}
	for i, grave := range order {
		for _, light := range order[i:] {
			if graver(grave, light) != grave || graver(light, grave) != grave {
				t.Errorf("of %d and %d the graver is %d", grave, light, grave)
			}
		}
	}
}

func TestAMessageNamesTheFileOnceAndTheNextStep(t *testing.T) {
	var out bytes.Buffer
	s := &stdio{err: &out}
	s.finish(about("a.db", &client.NotEnrolledError{Path: "a.db"}))
	s.finish(about("a.db", fmt.Errorf("no such thing")))
	want := "replog: a.db is not enrolled\n  run `replog init a.db --server http://HOST:PORT/NAME` first\nreplog: a.db: no such thing\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if strings.Contains(out.String(), "%!") {
		t.Error("a format does not fit its arguments")
	}
}
