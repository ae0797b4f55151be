package applier

// Limits bound what an intent may cost; a zero is no limit.
type Limits struct {
	SQLLength int
}
