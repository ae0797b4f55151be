package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"replog/replog"
)

// adminTokenFile is the file of a data folder that has its first token.
const adminTokenFile = "admin.token"

// Access manages the tokens of stores. It works while servers run on them, which
// look tokens up at every request.
type Access struct {
	registry *registry
	clock    func() time.Time
	random   io.Reader
}

var (
	// ErrNoDatabase says that a server has no database of that name.
	ErrNoDatabase = errors.New("no such database")
	// ErrNoToken says that there is no token with that id.
	ErrNoToken = errors.New("no such token")
	// ErrAdministrator says that an administrator's token may do everything.
	ErrAdministrator = errors.New("an administrator's token may do everything")
)

// OpenAccess opens the registry of stores. A nil clock or random is the system's.
func OpenAccess(ctx context.Context, stores Stores, clock func() time.Time, random io.Reader) (*Access, error) {
	if clock == nil {
		clock = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	r, err := openRegistry(ctx, stores)
	if err != nil {
		return nil, err
	}
	return &Access{registry: r, clock: clock, random: random}, nil
}

// Close releases the registry.
func (a *Access) Close() error { return a.registry.close() }

// CreateAdministrator makes an administrator's token and returns its text,
// which cannot be shown again. The name is a label for people.
func (a *Access) CreateAdministrator(ctx context.Context, name string) (Token, string, error) {
	return a.create(ctx, Token{Kind: Administrator, Name: name})
}

// CreateEnrolment makes a token that enrols one device in the database, once,
// within the time given; 0 is for ever. The device has the rights. ErrNoDatabase where
// there is none of that name.
func (a *Access) CreateEnrolment(ctx context.Context, database, name string, within time.Duration, rights ...Right) (Token, string, error) {
	id, err := a.registry.databaseID(ctx, database)
	if err != nil {
		return Token{}, "", err
	}
	if id == "" {
		return Token{}, "", fmt.Errorf("%s: %w", database, ErrNoDatabase)
	}
	t := Token{Kind: EnrolmentToken, Name: name, Database: database, Schema: slices.Contains(rights, SchemaRight), databaseID: id}
	if within > 0 {
		t.Expires = replog.MillisOf(a.clock().Add(within))
	}
	return a.create(ctx, t)
}

func (a *Access) create(ctx context.Context, t Token) (Token, string, error) {
	t.Created = replog.MillisOf(a.clock())
	var secret string
	err := a.registry.within(ctx, func(tx *registryTx) (err error) {
		secret, err = insertToken(ctx, tx, a.random, &t)
		return err
	})
	return t, secret, err
}

// List returns all tokens, the oldest first, those that are no longer valid
// included.
func (a *Access) List(ctx context.Context) ([]Token, error) { return a.registry.tokens(ctx) }

// Revoke makes a token invalid from the next request on; with a device's token
// the device is revoked. ErrNoToken where there is none with that id.
func (a *Access) Revoke(ctx context.Context, id string) error {
	found, err := a.registry.revokeToken(ctx, id, replog.MillisOf(a.clock()))
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", id, ErrNoToken)
	}
	return err
}

// SetSchemaRight lets whoever has the token change the schema, or not, from the next
// request on. ErrNoToken where there is none with that id, ErrAdministrator of an
// administrator's.
func (a *Access) SetSchemaRight(ctx context.Context, id string, may bool) error {
	was, err := a.registry.setSchemaRight(ctx, id, may)
	switch {
	case err != nil:
		return err
	case was == nil:
		return fmt.Errorf("%s: %w", id, ErrNoToken)
	case was.Kind == Administrator:
		return fmt.Errorf("%s: %w", id, ErrAdministrator)
	}
	return nil
}

// ensureAdministrator writes the first administrator's token to a file that
// only its owner can read. The file comes first: a crash between the two leaves
// a text that is worth nothing, and the next start writes another.
func ensureAdministrator(ctx context.Context, r *registry, cfg *Config) error {
	var any bool
	err := r.row(ctx, `SELECT EXISTS (SELECT 1 FROM @token WHERE kind = 'administrator')`).Scan(&any)
	if err != nil || any {
		return err
	}
	return r.within(ctx, func(tx *registryTx) error {
		t := Token{Kind: Administrator, Name: "first", Created: cfg.now()}
		secret, err := insertToken(ctx, tx, cfg.Random, &t)
		if err != nil {
			return err
		}
		return writePrivate(filepath.Join(cfg.Data, adminTokenFile), []byte(secret+"\n"))
	})
}

// writePrivate replaces a file durably; its owner alone can read it.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
