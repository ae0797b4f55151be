package applied

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"

	"replog/replog"
)

// wireText is the wire's form of a value, such that jsonb, whose numbers have no
// exponent, no class and no sign of zero, keeps the value exactly.
func wireText(v replog.Value) string {
	switch v.Kind() {
	case replog.KindReal:
		f := v.Float64()
		if f == 0 && math.Signbit(f) {
			return `{"real":"-0.0"}`
		}
		if math.IsInf(f, 0) {
			break
		}
		text := floatText(f, 'f')
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case replog.KindText:
		if strings.IndexByte(v.Bytes(), 0) >= 0 {
			boxed, _ := json.Marshal(map[string][]byte{"text": []byte(v.Bytes())})
			return string(boxed)
		}
	}
	return string(v.AppendJSON(nil))
}

// jsonText takes text that is JSON, and numbers, which SQLite makes of such texts in a
// column whose type it does not know.
func jsonText(v replog.Value) (cell, string) {
	text := v.Bytes()
	switch v.Kind() {
	case replog.KindInteger:
		return good(v.String())
	case replog.KindReal:
		if math.IsInf(v.Float64(), 0) {
			return refuse("an infinity is not JSON")
		}
		return good(wireText(v))
	case replog.KindBlob:
		return refuse("blob in a column of type jsonb")
	}
	if why := unreadable(text); why != "" {
		return refuse("%s", why)
	}
	if !json.Valid([]byte(text)) {
		return refuse("text that is not JSON")
	}
	if strings.Contains(text, `\u0000`) {
		return refuse("JSON with a NUL")
	}
	return good(text)
}

// uuid takes the 36 characters of the usual form, the 32 digits alone, and 16 bytes.
func uuid(v replog.Value) (cell, string) {
	digits := v.Bytes()
	switch v.Kind() {
	case replog.KindText:
		if len(digits) == 36 && digits[8] == '-' && digits[13] == '-' && digits[18] == '-' && digits[23] == '-' {
			digits = strings.ReplaceAll(digits, "-", "")
		}
	case replog.KindBlob:
		digits = hex.EncodeToString([]byte(digits))
	default:
		digits = ""
	}
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != 16 {
		return refuse("%s that is no UUID", describe(v))
	}
	return good(strings.ToLower(digits))
}
