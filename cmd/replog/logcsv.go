package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"replog/replog"
)

// csvHeader has the columns of the view transaction_log, with times as text.
var csvHeader = []string{"revision", "device", "seq", "n", "label", "recorded", "received", "outcome", "reason", "detail", "sql", "args"}

// printLinesCSV prints one record a statement, as RFC 4180 has it.
func printLinesCSV(ctx context.Context, s *stdio, log logReader, f replog.Filter) error {
	var b bytes.Buffer
	writeRecord(&b, csvHeader)
	if _, err := io.Copy(s.out, &b); err != nil {
		return err
	}
	return log.Lines(ctx, f, func(l replog.LogLine) error {
		b.Reset()
		for n := range l.Statements {
			st := &l.Statements[n]
			var reason replog.Reason
			if st.Reason != nil {
				reason = *st.Reason
			}
			args, err := argsJSON(st.Args)
			if err != nil {
				return err
			}
			writeRecord(&b, []string{
				strconv.FormatInt(int64(l.Revision), 10), string(l.Device), strconv.FormatInt(int64(l.Seq), 10),
				strconv.Itoa(n), l.Label, st.RecordedAt.String(), l.ReceivedAt.String(),
				string(st.Outcome), reason.Code, reason.Detail, st.SQL, args,
			})
		}
		_, err := io.Copy(s.out, &b)
		return err
	})
}

func argsJSON(args []replog.Value) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if args == nil {
		args = []replog.Value{}
	}
	err := enc.Encode(args)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// writeRecord quotes fields that need it and changes nothing in them: the
// standard library's writer would turn each line feed in a field into CR LF
// along with those that end records.
func writeRecord(b *bytes.Buffer, fields []string) {
	for i, field := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.ContainsAny(field, ",\"\r\n") {
			field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
		}
		b.WriteString(field)
	}
	b.WriteString("\r\n")
}
