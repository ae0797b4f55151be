package replog

import "time"

// HeadEvent is what GET /v1/{db}/events sends, as server-sent events of this
// name, each time the log has a new head: the revision is the event's id, and a
// HeadEvent its data. Who takes them slowly gets the newest alone.
type HeadEvent struct {
	Revision Revision `json:"revision"`
	Epoch    Epoch    `json:"epoch"`
}

// The words of a stream of events.
const (
	EventHead         = "head"
	HeaderLastEventID = "Last-Event-ID"
	TypeEventStream   = "text/event-stream"
)

// HeartbeatEvery is how long such a stream is silent at most: then a comment
// comes. A stream that says nothing for several times as long is broken, or
// something between the two sides holds it back.
const HeartbeatEvery = 20 * time.Second
