package server

import (
	"context"

	"replog/replog"
)

// checkHistory refuses a device that knows of revisions which the log has given up, and
// returns where the log stands towards it. One of an older epoch that does not is not
// refused: what it has is the log's, and it takes over the epoch with the answer.
func (c *call) checkHistory(h *replog.SyncHeader) (replog.Place, error) {
	place, fits, err := c.db.fits(c.r.Context(), h)
	if err != nil || fits {
		return place, err
	}
	if h.SyncPoint < place.Head.Horizon {
		return place, behind(h.SyncPoint, place.Head.Horizon)
	}
	if h.Epoch == place.Head.Epoch {
		// It proves a loss that this server may not know of. The writer looks again,
		// under the head's lock, and changes the epoch.
		known := replog.Head{Database: h.Database, Epoch: h.Epoch, Revision: h.SyncPoint, Chain: h.Chain}
		if r := c.db.submit(&job{device: h.Device, known: known})(); r.err != nil {
			return place, r.err
		}
		if place, fits, err = c.db.fits(c.r.Context(), h); err != nil || fits {
			return place, err
		}
	}
	return place, gaveUp(h, place.Head)
}

// fits tells whether what a device has is the log's up to its sync point, with all of
// its transactions whose verdicts it has processed.
func (d *database) fits(ctx context.Context, h *replog.SyncHeader) (place replog.Place, fits bool, err error) {
	if place, err = d.log.Place(ctx, h.Device, h.SyncPoint); err != nil {
		return place, false, err
	}
	switch {
	case h.SyncPoint > place.Head.Revision, h.SyncPoint < place.Head.Horizon:
	case h.Chain == "" && h.Epoch != place.Head.Epoch: // nobody can tell
	default:
		fits = (h.Chain == "" || h.Chain == place.Chain) && place.LastSeq >= h.Seen
	}
	return place, fits, nil
}

func gaveUp(h *replog.SyncHeader, head replog.Head) *replog.Problem {
	const title = "the server gave up revisions"
	switch {
	case h.SyncPoint > head.Revision:
		return conflict(replog.CodeEpoch, title, "this device is at revision %d, and the log ends at %d now", h.SyncPoint, head.Revision)
	case h.Chain == "":
		return conflict(replog.CodeEpoch, title, "the epoch was %s, it is %s", h.Epoch, head.Epoch)
	}
	return conflict(replog.CodeEpoch, title, "this device is at revision %d of a history that the log no longer has", h.SyncPoint)
}
