package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"replog/applier"
	"replog/replog"
)

const (
	devices        = 64
	uploadsEach    = 25
	rowsEach       = 3
	uploadsAlone   = 8 // fewer where each has a commit of its own
	typeNDJSON     = "application/x-ndjson"
	requestTimeout = time.Minute
)

// clients lets many devices upload small transactions at once, to a server that
// commits uploads together and to one that does not.
func clients(ctx context.Context, s *site, _ sizes, seed uint64) (list []figure, err error) {
	together, alone, err := s.crowds(ctx, devices, seed)
	return []figure{
		{what: "64 clients, uploads of 3 rows, durable, a second", value: together, unit: "uploads"},
		{what: "64 clients ÷ one commit an upload", value: together / alone, bound: 3, atLeast: true},
	}, err
}

// crowds gives the uploads a second of so many devices to either server.
func (s *site) crowds(ctx context.Context, devices int, seed uint64) (together, alone float64, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return 0, 0, err
	}
	var crowd []*raw
	for range devices {
		r, err := s.newRaw(ctx)
		if err != nil {
			return 0, 0, err
		}
		crowd = append(crowd, r)
	}
	orders := makeOrders(seed, devices*(uploadsEach+uploadsAlone)*rowsEach)
	if together, err = storm(ctx, crowd, orders[:devices*uploadsEach*rowsEach]); err != nil {
		return 0, 0, err
	}
	if err := s.stop(); err != nil {
		return 0, 0, err
	}
	if err := s.startOne(ctx); err != nil {
		return 0, 0, err
	}
	for _, r := range crowd {
		r.url = s.url
	}
	alone, err = storm(ctx, crowd, orders[devices*uploadsEach*rowsEach:])
	return together, alone, err
}

// storm uploads the orders from all devices at once and returns uploads a second.
func storm(ctx context.Context, crowd []*raw, orders []order) (float64, error) {
	each := len(orders) / len(crowd)
	failed := make([]error, len(crowd))
	var all sync.WaitGroup
	start := time.Now()
	for i, r := range crowd {
		all.Go(func() {
			mine := orders[i*each : (i+1)*each]
			for len(mine) > 0 && failed[i] == nil {
				failed[i] = r.upload(ctx, mine[:rowsEach])
				mine = mine[rowsEach:]
			}
		})
	}
	all.Wait()
	return float64(len(orders)/rowsEach) / time.Since(start).Seconds(), errors.Join(failed...)
}

// raw is a device without a file: what it sends is made up.
type raw struct {
	url, token, schema string
	enrolment          replog.Enrolment
	seq                replog.Seq
	http               *http.Client
}

// newRaw enrols one.
func (s *site) newRaw(ctx context.Context) (*raw, error) {
	admin, err := os.ReadFile(s.path("server/admin.token"))
	if err != nil {
		return nil, err
	}
	c, err := applier.Open(s.path("a.db"), applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	objects, err := applier.ReadObjects(c)
	if err != nil {
		return nil, err
	}
	r := &raw{
		url: s.url, token: strings.TrimSpace(string(admin)), schema: applier.FingerprintObjects(objects),
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	body, err := r.call(ctx, "/devices", "application/json", []byte("{}"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &r.enrolment); err != nil {
		return nil, err
	}
	r.token = r.enrolment.Token
	return r, nil
}

func (r *raw) call(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	base, name, _ := cutLast(r.url, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/"+name+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", contentType)
	res, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", path, res.Status, answer)
	}
	return answer, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// upload sends rows as one marked transaction and wants nothing back but the
// verdict.
func (r *raw) upload(ctx context.Context, rows []order) error {
	r.seq++
	nonce := make([]byte, 16)
	nonce[0], nonce[1] = byte(r.seq), byte(r.seq>>8)
	t := replog.Transaction{
		Device: r.enrolment.Device, Seq: r.seq, Marked: true, Time: replog.MillisOf(time.Now()), Nonce: hex.EncodeToString(nonce),
	}
	for _, o := range rows {
		c := orderChange(replog.Insert, o)
		c.Time = t.Time
		t.Statements = append(t.Statements, replog.Statement{Change: c})
	}
	form, _ := t.Encode()
	answer, err := r.call(ctx, "/sync", typeNDJSON, append(r.header(true), form...))
	if err == nil && !bytes.Contains(answer, []byte(`"applied"`)) {
		err = fmt.Errorf("not applied: %s", answer)
	}
	return err
}

func (r *raw) header(pushOnly bool) []byte {
	return replog.EncodeSyncHeader(replog.SyncHeader{
		Version: replog.WireVersion, Database: r.enrolment.DatabaseID, Epoch: r.enrolment.Epoch, Device: r.enrolment.Device,
		LastSeq: r.seq, Clock: replog.MillisOf(time.Now()), Schema: r.schema, PushOnly: pushOnly,
	})
}
