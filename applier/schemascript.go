package applier

import "errors"

// CheckScript looks at the schema statements of a script, which run one after the
// other, without running anything here. It returns those that cannot be replicated,
// and how many there are in all; other statements are left out. Triggers and tables
// that only they make are not there for it, so that what depends on these may be
// refused.
func (r *Replica) CheckScript(script string, o SchemaOptions) (refused []*SchemaError, count int, err error) {
	objects, err := r.Objects()
	if err != nil {
		return nil, 0, err
	}
	byRowID, err := KeepsRowIDs(r.Conn)
	if err != nil {
		return nil, 0, err
	}
	s, err := newScratch(objects, byRowID)
	if err != nil {
		return nil, 0, err
	}
	defer s.Close()
	scratch, err := NewReplica(s.Conn)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range Pieces(script) {
		word := FirstWord(p.Text)
		if p.Empty || word != "create" && word != "alter" && word != "drop" {
			continue
		}
		if isTemporary(p.Text) {
			continue
		}
		count++
		x, err := scratch.InspectSchema(p.Text, o)
		if err != nil {
			return nil, 0, err
		}
		if x.Refused != nil {
			refused = append(refused, x.Refused)
			continue
		}
		if x.Already {
			continue
		}
		_, err = scratch.RunSchema(x, o)
		var failed *SchemaError
		if errors.As(err, &failed) {
			refused = append(refused, failed)
		} else if err != nil {
			return nil, 0, err
		}
	}
	return refused, count, nil
}

func isTemporary(sql string) bool {
	tokens := tokenize(sql)
	return len(tokens) > 1 && tokens[1].is("temp", "temporary")
}
