package server

import (
	"sync"

	"replog/replog"
)

// heads holds the newest head of a log that is known to be durable, for those
// who wait for it to move. Moving it is one broadcast, whoever listens; who
// wakes late finds the newest head, not those in between.
type heads struct {
	mu    sync.Mutex
	head  replog.Head
	moved chan struct{} // closed when the head moves
}

// move notes a head that is committed. It may be called late, with one that others
// have passed since.
func (h *heads) move(to replog.Head) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.head == to || h.head.Epoch == to.Epoch && to.Revision < h.head.Revision {
		return
	}
	h.head = to
	if h.moved != nil {
		close(h.moved)
		h.moved = nil
	}
}

// newest returns the head and what is closed once there is another.
func (h *heads) newest() (replog.Head, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moved == nil {
		h.moved = make(chan struct{})
	}
	return h.head, h.moved
}
