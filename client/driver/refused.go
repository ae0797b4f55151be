package driver

// RefusedError says that a statement was not run, as it would have written what
// replog keeps in the file, or ended capture. errors.As also finds SQLite's own
// error in it, where it was SQLite's compiler that the driver stopped.
type RefusedError struct {
	What string // what the statement would have done
	Err  error  // SQLite's error, or nil
}

func (e *RefusedError) Error() string {
	return e.What + ": refused, as this file is a device's"
}

// Unwrap gives SQLite's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *RefusedError) Next() string {
	return "leave alone what begins with replog_; replog init --remove takes it out"
}
