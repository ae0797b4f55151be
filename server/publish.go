package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"replog/applier"
	"replog/replog"
)

// publishCall makes a new database of a SQLite file, which becomes revision 0.
// Where the name is taken, or the file is not fit, nothing changes.
func (s *Server) publishCall(c *call) error {
	if c.token.Kind != Administrator {
		return forbidden("publishing a database takes an administrator's token")
	}
	if _, err := replog.ParseDatabase(c.name); err != nil {
		return malformed("%v", err)
	}
	if !s.reserve(c.name) {
		return nameTaken(c.name)
	}
	defer s.unreserve(c.name)
	head, err := s.receiveDatabase(c)
	if err != nil {
		return err
	}
	c.setHead(head)
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

// reserve keeps a name for one publisher. False where it is taken.
func (s *Server) reserve(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[name] != nil || s.reserved[name] {
		return false
	}
	s.reserved[name] = true
	return true
}

func (s *Server) unreserve(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reserved, name)
}

// receiveDatabase receives a database's first content in a folder of its own, and has
// it made.
func (s *Server) receiveDatabase(c *call) (replog.Head, error) {
	folder, err := os.MkdirTemp(s.incomingFolder(), c.name+"-")
	if err != nil {
		return replog.Head{}, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // or the next start does
	base := filepath.Join(folder, replog.BaseFile)
	if err := s.receiveFile(c, base); err != nil {
		return replog.Head{}, err
	}
	if err := checkBase(base); err != nil {
		return replog.Head{}, err
	}
	head, err := s.newHead()
	if err != nil {
		return head, err
	}
	return head, s.install(c, folder, head)
}

func (s *Server) receiveFile(c *call, path string) error {
	body, err := c.body(s.cfg.Limits.PublishBytes)
	if err != nil {
		return err
	}
	defer body.close()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, body); err != nil {
		f.Close()
		return unreadable(err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// checkBase makes sure that a file can be a database's first content, and makes
// it a single file that needs no log of SQLite's beside it.
func checkBase(path string) error {
	c, err := applier.Open(path, applier.OpenOptions{Pragmas: []string{"journal_mode=DELETE"}})
	if applier.IsNotDatabase(err) {
		return malformed("the body is not a SQLite database")
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if err := checkIntegrity(c); errors.Is(err, errDamaged) || applier.IsNotDatabase(err) {
		return malformed("%v", err)
	} else if err != nil {
		return err
	}
	var own []string
	err = c.Query(`SELECT +name FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'`, func(row []replog.Value) error {
		if name := row[0].Bytes(); applier.IsOwn(name) && !applier.IsRowIDMark(name) {
			own = append(own, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return malformed("the database holds %q, which is replog's: publish a file that is not enrolled", own[0])
	}
	if _, err := applier.ReadSchema(c); err != nil {
		return malformed("the schema cannot be replicated: %v", err)
	}
	return nil
}

func (s *Server) newHead() (replog.Head, error) {
	var ids [2]uuid.UUID
	for i := range ids {
		var err error
		if ids[i], err = uuid.NewRandomFromReader(s.cfg.Random); err != nil {
			return replog.Head{}, fmt.Errorf("make a database's id: %w", err)
		}
	}
	id := ids[0].String()
	return replog.Head{Database: id, Epoch: replog.Epoch(ids[1].String()), Chain: replog.FirstChain(id)}, nil
}

// install has the stores make the database, and opens it. From then on it exists,
// whether or not anybody still waits; the registry follows it, at the latest at the
// next start.
func (s *Server) install(c *call, folder string, head replog.Head) error {
	err := s.create(c.r.Context(), replog.Publication{Name: c.name, Head: head, Folder: folder})
	if errors.Is(err, fs.ErrExist) {
		return nameTaken(c.name)
	}
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(c.r.Context())
	if _, err := s.openDatabase(ctx, c.name); err != nil || s.shared != nil {
		return err
	}
	return s.registry.addDatabase(ctx, head.Database, c.name, s.cfg.now())
}

func (s *Server) create(ctx context.Context, p replog.Publication) error {
	c, err := applier.Open(filepath.Join(p.Folder, replog.BaseFile), applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := baseObjects(c)
	if err != nil {
		return err
	}
	p.Schema = *versionOf(list)
	p.Schema.Content = applier.NewContent(c)
	return s.cfg.Stores.Create(ctx, p)
}

func nameTaken(name string) *replog.Problem {
	return conflict(replog.CodeExists, "the name is taken", "there is a database %s already", name)
}
