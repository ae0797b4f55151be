package driver

import "database/sql/driver"

// detachMain undoes an ATTACH of the database's own file, whose name was not known
// before it ran, on a device. Other files are the application's business.
func (c *Conn) detachMain() error {
	s, err := c.prepareOwn("SELECT name, file FROM pragma_database_list WHERE seq > 1")
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := s.Query(nil)
	if err != nil {
		return err
	}
	var again string
	for row := make([]driver.Value, 2); rows.Next(row) == nil; {
		if c.isMain(row[1].(string)) {
			again = row[0].(string)
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if again == "" {
		return nil
	}
	if s, err = c.prepareOwn("DETACH ?"); err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Exec([]driver.Value{again}); err != nil {
		return err
	}
	return &RefusedError{What: "ATTACH of the same file"}
}
