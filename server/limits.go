package server

import (
	"time"

	"replog/applier"
	"replog/replog"
)

// Limits bounds what a request may ask of the server. Zero fields take the
// default.
type Limits struct {
	// UploadBytes bounds the body of a sync, decompressed. Default 1 GiB.
	UploadBytes int64
	// UploadTransactions bounds the transactions in it. Default 1,000,000.
	UploadTransactions int
	// PublishBytes bounds a published file, decompressed. Default 64 GiB.
	PublishBytes int64
	// AnswerBytes is the size at which the answer to a sync stops, before
	// compression; it holds at least one entry. Default 16 MiB.
	AnswerBytes int64
	// Queue bounds the uploads that wait for one database's writer; more are
	// told to come again. Default 256.
	Queue int
	// BatchUploads bounds the uploads that share a commit. Default 64.
	BatchUploads int
	// Stall is how long a connection may take to send or to receive anything
	// at all. Default one minute.
	Stall time.Duration
	// Heartbeat is how long a stream of events is silent at most. Default
	// replog.HeartbeatEvery.
	Heartbeat time.Duration
	// Revocation is how often revoked tokens are looked for while streams of
	// events are open. Default one second.
	Revocation time.Duration
	// Poll is how often a server looks for what others wrote to shared stores, should a
	// notification get lost. Default 2 seconds.
	Poll time.Duration
	// KeepEvery is after how many revisions a snapshot is kept in shared stores, from
	// which servers that begin with nothing start. Default 10,000.
	KeepEvery int64
	// KeepAge is how long no other is made after it at least; after one that took long to
	// make, a hundred times as long as that took. Default 10 minutes.
	KeepAge time.Duration
	// SnapshotAge is how long a snapshot is handed out at least, however far
	// the log has gone on; one that takes long to make serves for ten times as
	// long as that took. Default one minute.
	SnapshotAge time.Duration
	// SnapshotKeep is how long a snapshot that was replaced waits for devices
	// whose download was cut. Default 15 minutes.
	SnapshotKeep time.Duration
	// Intents bounds what each intent of a transaction may cost; all fields are
	// taken as they are where any is set. Default applier.DefaultLimits.
	Intents applier.Limits
	// SchemaTime is how long a schema statement may run. Default 10 minutes.
	SchemaTime time.Duration
	// Shutdown is how long requests may go on once the server is told to stop.
	// Default 30 seconds.
	Shutdown time.Duration
}

func (l Limits) withDefaults() Limits {
	def(&l.UploadBytes, 1<<30)
	def(&l.UploadTransactions, 1_000_000)
	def(&l.PublishBytes, 64<<30)
	def(&l.AnswerBytes, 16<<20)
	def(&l.Queue, 256)
	def(&l.BatchUploads, 64)
	def(&l.Stall, time.Minute)
	def(&l.Heartbeat, replog.HeartbeatEvery)
	def(&l.Revocation, time.Second)
	def(&l.Poll, 2*time.Second)
	def(&l.KeepEvery, 10_000)
	def(&l.KeepAge, 10*time.Minute)
	def(&l.SnapshotAge, time.Minute)
	def(&l.SnapshotKeep, 15*time.Minute)
	def(&l.Intents, applier.DefaultLimits())
	def(&l.SchemaTime, 10*time.Minute)
	def(&l.Shutdown, 30*time.Second)
	return l
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
