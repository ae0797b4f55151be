package form

import "replog/replog"

// LastChange tells who changed something last, without a search: 0 and "" where there
// is none.
type LastChange struct {
	Revision replog.Revision // of the newest entry that changed something
	Device   replog.DeviceID // that made it
	Other    replog.Revision // of the newest that any other device made
}

// Add notes an entry that changed something.
func (c *LastChange) Add(r replog.Revision, device replog.DeviceID) {
	if c.Device != device {
		c.Other, c.Device = c.Revision, device
	}
	c.Revision = r
}

// Foreign is replog.LogTx's.
func (c *LastChange) Foreign(after replog.Revision, device replog.DeviceID) replog.Revision {
	newest := c.Revision
	if c.Device == device {
		newest = c.Other
	}
	if newest <= after {
		return 0
	}
	return newest
}
