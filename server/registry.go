package server

import (
	"context"
	"database/sql"
	"errors"

	"replog/replog"
)

// databaseID returns the id of the database that has the name now, or "".
func (r *registry) databaseID(ctx context.Context, name string) (string, error) {
	var id string
	err := r.row(ctx, `SELECT id FROM @database WHERE name = $1 AND retired_at IS NULL`, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// follow makes the table of databases say what there is: a map from names to ids.
func (r *registry) follow(ctx context.Context, present map[string]string, now replog.Millis) error {
	return r.within(ctx, func(tx *registryTx) error {
		if err := retireAbsent(ctx, tx, present, now); err != nil {
			return err
		}
		for name, id := range present {
			if err := insertDatabase(ctx, tx, id, name, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func retireAbsent(ctx context.Context, tx *registryTx, present map[string]string, now replog.Millis) error {
	rows, err := tx.rows(ctx, `SELECT id, name FROM @database WHERE retired_at IS NULL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var absent []string
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if present[name] != id {
			absent = append(absent, id)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range absent {
		if _, err := tx.exec(ctx, `UPDATE @database SET retired_at = $1 WHERE id = $2`, now, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *registry) addDatabase(ctx context.Context, id, name string, now replog.Millis) error {
	return r.within(ctx, func(tx *registryTx) error { return insertDatabase(ctx, tx, id, name, now) })
}

// insertDatabase also brings back one whose folder had been gone.
func insertDatabase(ctx context.Context, tx *registryTx, id, name string, now replog.Millis) error {
	_, err := tx.exec(ctx, `
		INSERT INTO @database (id, name, published_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, retired_at = NULL`,
		id, name, now)
	return err
}
