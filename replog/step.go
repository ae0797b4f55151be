package replog

import (
	"bytes"
	"fmt"
	"sort"
)

// Step is a part of a transaction that holds intents: an intent, or the row
// statements between two of them. The parts have to be done in their order.
type Step struct {
	Intent *Intent // nil where it is of row statements
	// Statements is what row statements did, in order; Net are their net changes,
	// nil where these are the same.
	Statements, Net Changes
}

// NetChanges returns the net changes of row statements.
func (s *Step) NetChanges() Changes {
	if s.Net != nil {
		return s.Net
	}
	return s.Statements
}

// Steps is a list of steps, which may be too long for memory.
type Steps interface {
	Len() int
	// At returns one of them, valid until the next call. It fails where the list
	// is kept on disk and cannot be read.
	At(i int) (*Step, error)
	// rows are what all row statements did, or their net changes.
	rows(net bool) Changes
}

// EachStep calls f for each step, in order, until one call fails.
func EachStep(l Steps, f func(*Step) error) error {
	for i := range l.Len() {
		s, err := l.At(i)
		if err == nil {
			err = f(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stepList is a list in memory.
type stepList []Step

func (l stepList) Len() int                { return len(l) }
func (l stepList) At(i int) (*Step, error) { return &l[i], nil }

func (l stepList) rows(net bool) Changes {
	var all joined
	for i := range l {
		if l[i].Intent == nil {
			all.add(l[i].list(net))
		}
	}
	return &all
}

func (s *Step) list(net bool) Changes {
	if net {
		return s.NetChanges()
	}
	return s.Statements
}

// joined are lists one after the other.
type joined struct {
	lists []Changes
	ends  []int
}

func (l *joined) add(of Changes) {
	if of.Len() > 0 {
		l.lists = append(l.lists, of)
		l.ends = append(l.ends, l.Len()+of.Len())
	}
}

// Len implements Changes.
func (l *joined) Len() int {
	if len(l.ends) == 0 {
		return 0
	}
	return l.ends[len(l.ends)-1]
}

// At implements Changes.
func (l *joined) At(i int) (*Change, error) {
	n := sort.SearchInts(l.ends, i+1)
	if n > 0 {
		i -= l.ends[n-1]
	}
	return l.lists[n].At(i)
}

// Lines is a list of lines, each with its line feed. A line is valid until the
// next call.
type Lines interface {
	Len() int
	At(i int) (*[]byte, error)
}

// LineSteps are the steps that lines of a recorded form, or of an entry on the
// wire, hold.
type LineSteps struct {
	lines  Lines
	start  string // of the line of a statement
	at     []lineStep
	parser ChangeParser
	step   Step
	intent Intent
}

// lineStep is where a step begins, and how many lines of each kind it has.
type lineStep struct{ from, statements, net int32 }

// In the place of the number of net changes.
const (
	netAsStatements = -1
	noNet           = -2
	isIntent        = -3
)

// NewLineSteps finds the steps in the lines of a recorded form between its first
// and its last. Errors wrap ErrForm, or are those of the list.
func NewLineSteps(lines Lines) (*LineSteps, error) {
	l := &LineSteps{lines: lines, start: statementStart}
	for i := range lines.Len() {
		line, err := lines.At(i)
		if err != nil {
			return nil, err
		}
		part := partOf(*line)
		if part == partEnd {
			return nil, fmt.Errorf("%w: %.40q", ErrForm, *line)
		}
		l.note(i, part)
	}
	return l, nil
}

// partOf tells which part of a recorded form a line is of.
func partOf(line []byte) formPart {
	switch {
	case bytes.HasPrefix(line, []byte(statementStart)):
		return partStatements
	case bytes.HasPrefix(line, []byte(netStart)):
		return partNet
	case string(line) == noNetLine:
		return partNoNet
	case bytes.HasPrefix(line, []byte(intentStart)):
		return partIntent
	}
	return partEnd
}

// note adds the line with this number.
func (l *LineSteps) note(number int, part formPart) {
	if part == partIntent {
		l.at = append(l.at, lineStep{from: int32(number), net: isIntent})
		return
	}
	if n := len(l.at); n == 0 || l.at[n-1].net == isIntent {
		l.at = append(l.at, lineStep{from: int32(number), net: netAsStatements})
	}
	last := &l.at[len(l.at)-1]
	switch part {
	case partStatements:
		last.statements++
	case partNet:
		last.net = max(last.net, 0) + 1
	case partNoNet:
		last.net = noNet
	}
}

// hasIntents tells whether any step is an intent.
func (l *LineSteps) hasIntents() bool {
	return len(l.at) > 1 || len(l.at) == 1 && l.at[0].net == isIntent
}

// Len implements Steps.
func (l *LineSteps) Len() int { return len(l.at) }

// At implements Steps.
func (l *LineSteps) At(i int) (*Step, error) {
	of := l.at[i]
	if of.net != isIntent {
		l.step = l.rowStep(of)
		return &l.step, nil
	}
	line, err := l.lines.At(int(of.from))
	if err != nil {
		return nil, err
	}
	l.intent, err = parseIntentLine(*line)
	l.step = Step{Intent: &l.intent}
	return &l.step, err
}

func (l *LineSteps) rowStep(of lineStep) Step {
	list := func(from, n int32, start string) Changes {
		return &lineChanges{lines: l.lines, from: int(from), n: int(n), start: start, parser: &l.parser}
	}
	s := Step{Statements: list(of.from, of.statements, l.start)}
	switch of.net {
	case netAsStatements:
	case noNet:
		s.Net = ChangeList{}
	default:
		s.Net = list(of.from+of.statements, of.net, netStart)
	}
	return s
}

func (l *LineSteps) rows(net bool) Changes {
	var all joined
	for _, of := range l.at {
		if of.net != isIntent {
			s := l.rowStep(of)
			all.add(s.list(net))
		}
	}
	return &all
}

// parseIntentLine reads the line of an intent.
func parseIntentLine(line []byte) (Intent, error) {
	p := parser{b: line}
	p.expect(intentStart)
	i := p.intent()
	p.expect("}\n")
	return i, p.done()
}

// lineChanges are changes that some lines hold.
type lineChanges struct {
	lines   Lines
	from, n int
	start   string
	parser  *ChangeParser
	change  Change
}

func (l *lineChanges) Len() int { return l.n }

func (l *lineChanges) At(i int) (*Change, error) {
	line, err := l.lines.At(l.from + i)
	if err != nil {
		return nil, err
	}
	body, begins := bytes.CutPrefix(*line, []byte(l.start))
	body, ends := bytes.CutSuffix(body, []byte("}\n"))
	if !begins || !ends {
		return nil, fmt.Errorf("%w: %.40q", ErrForm, *line)
	}
	l.change, err = l.parser.Parse(body)
	return &l.change, err
}
