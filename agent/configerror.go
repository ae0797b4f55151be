package agent

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// ConfigError says what is wrong with a configuration file, and where.
type ConfigError struct {
	File string
	Line int // from 1; 0 where no line is to blame
	Err  error
	Hint string
}

func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *ConfigError) Next() string { return e.Hint }

// loader reads one configuration file.
type loader struct {
	path string
	text []byte
}

// undecodable makes an error of YAML that does not have the form.
func (l *loader) undecodable(err error) error {
	e := &ConfigError{File: l.path, Err: err, Hint: "correct the file; docs/agent.md shows one"}
	var where yaml.Error
	if errors.As(err, &where) {
		e.Err = errors.New(where.GetMessage())
		if t := where.GetToken(); t != nil && t.Position != nil {
			e.Line = t.Position.Line
		}
	}
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		e.Hint = "the keys are status_file and databases; of a database path, schedule, watch and mode; " +
			"of both time_zone, jitter, timeout and poll"
	}
	return e
}

// wrong makes an error of what stands at a path, such as $.databases[0].path.
func (l *loader) wrong(at string, err error, hint string) error {
	return &ConfigError{File: l.path, Line: l.line(at), Err: err, Hint: hint}
}

// line finds the line of a path; 0 where the file has nothing there.
func (l *loader) line(at string) int {
	parsed, err := parser.ParseBytes(l.text, 0)
	if err != nil {
		return 0
	}
	path, err := yaml.PathString(at)
	if err != nil {
		return 0
	}
	node, err := path.FilterFile(parsed)
	if err != nil || node == nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
