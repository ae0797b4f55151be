package form

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"replog/replog"
)

// Row is what a store has of an entry besides the lists of bodies. The bytes are
// valid as long as the store says.
type Row struct {
	Revision replog.Revision
	Received replog.Millis
	Device   replog.DeviceID
	Seq      replog.Seq
	Outcome  replog.Outcome
	Reason   replog.Reason
	Hash     replog.Hash
	// First is the first line of the recorded form; it is not needed for deliveries.
	First string
	// Statements counts them, Net the recorded net changes, where the statements are
	// not they, and Changes what an applied entry changed.
	Statements   int
	Net, Changes sql.NullInt64
	// AsRecorded: the changes are stored as recorded. AsRun: see replog.Entry.
	AsRecorded, AsRun bool
	// Parts, Blocks, Tables and Ends are JSON, empty for none.
	Parts, Blocks, Tables, Digest, Ends sql.RawBytes
	// Lines counts those of the steps that others are sent.
	Lines sql.NullInt64
}

// decode reads what an entry has as JSON, and its digest.
func (r *Row) decode(p *[]replog.Part, t *[]string, d **replog.Digest) error {
	if len(r.Parts) > 0 {
		if err := json.Unmarshal(r.Parts, p); err != nil {
			return fmt.Errorf("parts: %w", err)
		}
	}
	if len(r.Tables) > 0 {
		if err := json.Unmarshal(r.Tables, t); err != nil {
			return fmt.Errorf("tables: %w", err)
		}
	}
	if len(r.Digest) == 0 {
		return nil
	}
	is, err := replog.ParseDigest(string(r.Digest))
	*d = &is
	return err
}

func (r *Row) blocks() ([]netBlock, error) {
	list, err := netBlocks(r.Statements, r.Net, r.Blocks)
	if err != nil {
		err = fmt.Errorf("revision %d: %w", r.Revision, err)
	}
	return list, err
}

// ends are those of the steps of an applied entry with schema statements.
func (r *Row) ends() (made []int, err error) {
	if err = json.Unmarshal(r.Ends, &made); err != nil {
		err = fmt.Errorf("revision %d: the ends of its steps: %w", r.Revision, err)
	}
	return made, err
}
