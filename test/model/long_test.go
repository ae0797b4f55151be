package model

import (
	"replog/applier"
	"replog/client"
	"replog/replog"
)

// A transaction of more than a few rows is a long one here: it goes by disk, a part
// at a time, where others are in memory. Histories have some of each.
func init() {
	replog.SetMemory(600, 700)
	applier.SetBatch(3, 6)
	client.SetLong(700, 300)
}
