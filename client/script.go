package client

import "replog/applier"

// CheckScript tells which schema statements of a script, that an application or a
// person is about to run on the file, cannot be replicated, and how many it has.
func (d *Device) CheckScript(script string) (refused []*applier.SchemaError, count int, err error) {
	err = d.read(func() error {
		refused, count, err = d.replica.CheckScript(script, applier.SchemaOptions{First: true})
		return err
	})
	return refused, count, err
}
