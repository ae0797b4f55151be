package client

import (
	_ "embed"
)

// upgradeSQL makes the tables of format 4 those of format 5: they know neither chains
// nor what was processed.
//
//go:embed upgrade.sql
var upgradeSQL string

// upgrade brings the tables of a file that an earlier version made to this format.
func (d *Device) upgrade() error {
	old, err := d.isOld()
	if err != nil || !old {
		return busy(d.path, err)
	}
	return d.write(func() error {
		if old, err := d.isOld(); err != nil || !old {
			return err
		}
		return d.replica.Script(upgradeSQL)
	})
}

func (d *Device) isOld() (bool, error) {
	if ok, err := hasTable(d.replica.Conn, "replog_device"); err != nil || !ok {
		return false, err
	}
	row, err := d.replica.QueryRow("SELECT format FROM main.replog_device")
	return row != nil && row[0].Int64() == 4, err
}
