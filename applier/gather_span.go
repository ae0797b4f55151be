package applier

import "replog/replog"

// span is the records of one step of a transaction: of an intent, or of the row
// statements until the next one.
type span struct {
	// begins: the transaction begins with it. Only then marked and label are known.
	begins, marked bool
	label          string
	records        []*record // facts
	// intent is what the application ran, nil where these are row statements; ran
	// tells which statements made them.
	intent *RanStatement
	ran    []*RanStatement
	// schema is a schema statement, which has no facts.
	schema *RanStatement
	// time is when the intent, or the schema statement, was done.
	time replog.Millis
}

// newerPart is what is known of the batch after the one at hand.
type newerPart struct {
	// joins: it begins within a step, which is an intent's or not.
	joins, intent bool
}

// beginsWithIntent tells whether the first of a batch's spans is an intent's.
func beginsWithIntent(spans []*span, newer newerPart) bool {
	return spans[0].intent != nil || len(spans) == 1 && newer.joins && newer.intent
}

// splitter cuts records into spans.
type splitter struct {
	spans []*span
	// begins, marked and label are for the next span.
	begins, marked bool
	label          string
	// rows are the row statements since the last intent, and facts those since the
	// last statement.
	rows  *span
	facts []*record
}

// split cuts records at the marks and around intents. goesOn: the first of them are
// within a transaction. There is a last span that joins the newer part, if that
// does.
func split(records []*record, goesOn bool, newer newerPart) []*span {
	s := splitter{begins: !goesOn, rows: &span{}}
	for _, e := range records {
		switch {
		case e.op == opMark:
			s.addFacts()
			s.putRows()
			s.begins, s.marked, s.label = true, false, ""
			if !e.label.IsNull() {
				s.marked, s.label = true, labelText(e.label)
			}
		case e.op != opStatement:
			s.facts = append(s.facts, e)
		case e.ran.Schema:
			s.addFacts()
			s.putRows()
			s.put(&span{schema: e.ran, time: e.time})
		case e.ran.Class == "":
			s.putRows()
			s.put(&span{records: s.facts, intent: e.ran, time: e.time})
			s.facts = nil
		default:
			s.addFacts()
			s.rows.ran = append(s.rows.ran, e.ran)
		}
	}
	switch {
	case newer.joins && newer.intent:
		s.putRows()
		s.put(&span{records: s.facts})
	case newer.joins:
		s.addFacts()
		s.put(s.rows)
	default:
		s.addFacts()
		s.putRows()
	}
	return s.spans
}

// splitWhole cuts records at the marks and the schema statements alone.
func splitWhole(records []*record) []*span {
	var rest []*record
	for _, e := range records {
		if e.op != opStatement || e.ran.Schema {
			rest = append(rest, e)
		}
	}
	return split(rest, false, newerPart{})
}

// addFacts makes the facts at hand some of row statements.
func (s *splitter) addFacts() {
	s.rows.records, s.facts = append(s.rows.records, s.facts...), nil
}

// putRows ends the row statements at hand, if anything is told of them.
func (s *splitter) putRows() {
	if len(s.rows.records) > 0 {
		s.put(s.rows)
	}
	s.rows = &span{}
}

func (s *splitter) put(p *span) {
	if s.begins {
		p.begins, p.marked, p.label = true, s.marked, s.label
		s.begins = false
	}
	s.spans = append(s.spans, p)
}

func labelText(v replog.Value) string {
	if v.Kind() == replog.KindText || v.Kind() == replog.KindBlob {
		return v.Bytes()
	}
	return v.String()
}
