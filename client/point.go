package client

import (
	"time"

	"replog/replog"
)

// The sync points that a file remembers: all of the last ones, and of those before, for
// as long as transactions are kept, about one an hour. The newest that is older stays.
const (
	pointsWhole = 64
	pointsApart = time.Hour
)

// addPoint remembers a sync point. One whose chain nobody knows is of no use.
func (d *Device) addPoint(at replog.Revision, chain replog.Chain, now replog.Millis) error {
	if chain == "" {
		return nil
	}
	err := d.replica.Exec("INSERT OR REPLACE INTO main.replog_point VALUES(?, ?, ?)",
		replog.Integer(int64(at)), replog.Text(string(chain)), replog.Integer(int64(now)))
	if err != nil {
		return err
	}
	var thin []replog.Value // the two that come after the last ones
	err = d.replica.Query("SELECT revision, reached FROM main.replog_point ORDER BY revision DESC LIMIT 2 OFFSET ?", func(row []replog.Value) error {
		thin = append(thin, row...)
		return nil
	}, replog.Integer(pointsWhole))
	if err != nil || len(thin) < 4 {
		return err
	}
	if thin[1].Int64()-thin[3].Int64() < pointsApart.Milliseconds() {
		err = d.replica.Exec("DELETE FROM main.replog_point WHERE revision = ?", thin[0])
	}
	if err != nil {
		return err
	}
	return d.replica.Exec("DELETE FROM main.replog_point WHERE revision < (SELECT max(revision) FROM main.replog_point WHERE reached < ?)",
		replog.Integer(int64(now)-keptFor.Milliseconds()))
}

// points are the sync points that the file remembers, the newest first.
func (d *Device) points() ([]replog.Point, error) {
	var list []replog.Point
	err := d.replica.Query("SELECT revision, chain FROM main.replog_point ORDER BY revision DESC LIMIT ?", func(row []replog.Value) error {
		list = append(list, replog.Point{Revision: replog.Revision(row[0].Int64()), Chain: replog.Chain(row[1].Bytes())})
		return nil
	}, replog.Integer(replog.MostPoints))
	return list, busy(d.path, err)
}
