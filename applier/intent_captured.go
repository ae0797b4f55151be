package applier

// captured is what Replica.capturedTables returns.
type captured struct {
	schema *Schema // that the tables are of
	tables map[int64]*Table
	layout map[int64][]int
}

// capturedTables keeps what it has read as long as the replica has the same schema:
// where there are many tables, reading it takes longer than most intents.
func (x *Intents) capturedTables() (*captured, error) {
	if x.captured != nil && x.captured.schema == x.r.Schema {
		return x.captured, nil
	}
	tables, layout, err := x.r.capturedTables()
	if err != nil {
		return nil, err
	}
	x.captured = &captured{x.r.Schema, tables, layout}
	return x.captured, nil
}
