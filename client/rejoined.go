package client

import (
	"encoding/json"
	"fmt"

	"replog/replog"
)

// rejoined reads how transactions of the outbox are placed on the log's history.
func (o outbox) rejoined() (*replog.Rejoined, error) {
	row, err := o.QueryRow("SELECT rejoined FROM main.replog_device")
	if err != nil || row == nil {
		return nil, err
	}
	return readRejoined(row[0])
}

func readRejoined(v replog.Value) (*replog.Rejoined, error) {
	if v.Bytes() == "" {
		return nil, nil
	}
	r := &replog.Rejoined{}
	if err := json.Unmarshal([]byte(v.Bytes()), r); err != nil {
		return nil, fmt.Errorf("how the file rejoined: %w", err)
	}
	return r, nil
}

func rejoinedValue(r *replog.Rejoined) replog.Value {
	if r == nil {
		return replog.Text("")
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers always encode
	}
	return replog.Text(string(b))
}
