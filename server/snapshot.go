package server

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"replog/replog"
)

// readSnapshot answers with the replica as a SQLite file, at the revision that
// the headers name: a recent one, or with Cache-Control: no-cache the newest.
//
// There are two representations, plain and zstd, each with a strong ETag and in
// ranges. A request whose If-Range or If-Match names one that is still kept gets
// that one, so that a download that was cut goes on, however far the log has.
func (s *Server) readSnapshot(c *call) error {
	want := c.snapshotWanted()
	f, err := c.db.openSnapshot(c.r.Context(), want)
	if err != nil {
		return err
	}
	defer f.close()
	c.setHead(f.head)
	head := c.w.Header()
	head.Set(replog.HeaderSize, strconv.FormatInt(f.size, 10))
	head.Set(replog.HeaderDigest, hex.EncodeToString(f.digest[:]))
	head.Set("ETag", f.tag)
	head.Set("Content-Type", typeSQLite)
	head.Set("Vary", "Accept-Encoding")
	var w http.ResponseWriter = c.w
	if !want.plain {
		w = zstdWriter{c.w}
	}
	http.ServeContent(w, c.r, "", time.Time{}, f.file)
	return nil
}

// wanted says which snapshot a request asks for.
type wanted struct {
	plain  bool     // not compressed
	newest bool     // none that the replica has left behind
	tags   []string // of representations that it would rather go on with
}

func (c *call) snapshotWanted() wanted {
	w := wanted{plain: !c.accepts("zstd")}
	for directive := range strings.SplitSeq(strings.Join(c.r.Header.Values("Cache-Control"), ","), ",") {
		w.newest = w.newest || strings.EqualFold(strings.TrimSpace(directive), "no-cache")
	}
	for _, name := range []string{"If-Range", "If-Match"} {
		for tag := range strings.SplitSeq(c.r.Header.Get(name), ",") {
			w.tags = append(w.tags, strings.TrimSpace(tag))
		}
	}
	return w
}

// zstdWriter names the coding on answers that have content. Earlier it may not:
// http.ServeContent gives the length only of what has no coding.
type zstdWriter struct{ *responseWriter }

func (w zstdWriter) WriteHeader(status int) {
	if status == http.StatusOK || status == http.StatusPartialContent {
		w.Header().Set("Content-Encoding", "zstd")
	}
	w.responseWriter.WriteHeader(status)
}
