package server

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// TokenKind says what a token is for.
type TokenKind string

// The kinds of token.
const (
	// Administrator: every call, on every database.
	Administrator TokenKind = "administrator"
	// EnrolmentToken: enrols one device in one database, once, and reads its
	// snapshot before.
	EnrolmentToken TokenKind = "enrolment"
	// DeviceToken: sync, log and snapshot of one device's database.
	DeviceToken TokenKind = "device"
)

// Right is what a device may do beside syncing.
type Right string

// SchemaRight is to change tables, indexes, views and triggers.
const SchemaRight Right = "schema"

// Token is what the registry knows of a token; its text, which grants access,
// is not in it. Times of 0 mean never.
type Token struct {
	ID       string          `json:"id"`
	Kind     TokenKind       `json:"kind"`
	Name     string          `json:"name,omitempty"`
	Database string          `json:"database,omitempty"` // the database's name
	Device   replog.DeviceID `json:"device,omitempty"`
	Created  replog.Millis   `json:"created_at"`
	Expires  replog.Millis   `json:"expires_at,omitempty"`
	Used     replog.Millis   `json:"used_at,omitempty"`
	Revoked  replog.Millis   `json:"revoked_at,omitempty"`
	// Schema tells whether it has SchemaRight. Devices have that of the token by which
	// they were enrolled; administrators' tokens always have it.
	Schema bool `json:"schema,omitempty"`

	databaseID string
}

// Valid tells whether the token still grants anything at the time now.
func (t *Token) Valid(now replog.Millis) bool {
	return t.Revoked == 0 && t.Used == 0 && (t.Expires == 0 || now < t.Expires)
}

// secretBytes of randomness make a token.
const secretBytes = 32

// newSecret makes a token's text. Its prefix tells people and scanners for
// leaked secrets what it is.
func newSecret(random io.Reader, kind TokenKind) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return "replog_" + string(kind) + "_" + base64.RawURLEncoding.EncodeToString(raw), nil
}

func newTokenID(random io.Reader) (string, error) {
	raw := make([]byte, 6)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// insertToken stores a new token and returns its text.
func insertToken(ctx context.Context, tx *registryTx, random io.Reader, t *Token) (string, error) {
	secret, err := newSecret(random, t.Kind)
	if err != nil {
		return "", err
	}
	if t.ID, err = newTokenID(random); err != nil {
		return "", err
	}
	t.Schema = t.Schema || t.Kind == Administrator
	_, err = tx.exec(ctx, `
		INSERT INTO @token (id, kind, hash, name, database_id, device_id, created_at, expires_at, schema_right)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.ID, t.Kind, hashSecret(secret), t.Name, orNull(t.databaseID), orNull(t.Device), t.Created, orNull(t.Expires), bit(t.Schema))
	return secret, err
}

const selectToken = `
	SELECT t.id, t.kind, t.name, coalesce(d.name, ''), coalesce(t.database_id, ''), coalesce(t.device_id, ''),
	       t.created_at, coalesce(t.expires_at, 0), coalesce(t.used_at, 0), coalesce(t.revoked_at, v.revoked_at, 0),
	       t.schema_right
	FROM @token t LEFT JOIN @database d ON d.id = t.database_id LEFT JOIN @device v ON v.id = t.device_id`

func scanToken(scan func(...any) error) (*Token, error) {
	var t Token
	err := scan(&t.ID, &t.Kind, &t.Name, &t.Database, &t.databaseID, &t.Device, &t.Created, &t.Expires, &t.Used, &t.Revoked, &t.Schema)
	return &t, err
}

// findToken returns the token with that text, valid or not, or nil. The lookup
// is by hash, so its time tells nothing about the texts of others.
func (r *registry) findToken(ctx context.Context, secret string) (*Token, error) {
	t, err := scanToken(r.row(ctx, selectToken+` WHERE t.hash = $1`, hashSecret(secret)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return t, err
}

func (r *registry) tokens(ctx context.Context) ([]Token, error) {
	rows, err := r.rows(ctx, selectToken+` ORDER BY t.n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Token
	for rows.Next() {
		t, err := scanToken(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, *t)
	}
	return all, rows.Err()
}

// revoked counts the tokens that were revoked: there are never fewer.
func (r *registry) revoked(ctx context.Context) (n int, err error) {
	err = r.row(ctx, `SELECT count(*) FROM @token WHERE revoked_at IS NOT NULL`).Scan(&n)
	return n, err
}

// setSchemaRight gives a token the schema right, or takes it away. It returns what the
// token was, nil where there is none with that id; an administrator's stays as it is.
func (r *registry) setSchemaRight(ctx context.Context, id string, may bool) (was *Token, err error) {
	err = r.within(ctx, func(tx *registryTx) error {
		was, err = scanToken(tx.row(ctx, selectToken+` WHERE t.id = $1`, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			was = nil
			return nil
		}
		if err != nil || was.Kind == Administrator {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE @token SET schema_right = $1 WHERE id = $2`, bit(may), id)
		return err
	})
	return was, err
}

// revokeToken revokes a token, and with a device's the device. False where
// there is none with that id.
func (r *registry) revokeToken(ctx context.Context, id string, now replog.Millis) (found bool, err error) {
	err = r.within(ctx, func(tx *registryTx) error {
		n, err := tx.exec(ctx, `UPDATE @token SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2`, now, id)
		if found = n > 0; err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
			UPDATE @device SET revoked_at = coalesce(revoked_at, $1)
			WHERE id = (SELECT device_id FROM @token WHERE id = $2)`, now, id)
		return err
	})
	return found, err
}
