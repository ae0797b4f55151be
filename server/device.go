package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"replog/replog"
)

// device is an enrolled replica, as GET /v1/{db}/devices lists it, one a line.
type device struct {
	ID       replog.DeviceID `json:"device"`
	Name     string          `json:"name"`
	Enrolled replog.Millis   `json:"enrolled_at"`
	Revoked  replog.Millis   `json:"revoked_at,omitempty"`
	// Schema: it may change the schema.
	Schema bool `json:"schema,omitempty"`
}

// errSpent says that an enrolment token was used, revoked or expired between
// the first look at it and its use.
var errSpent = errors.New("the enrolment token is no longer valid")

// enrol makes a device and its token; an enrolment token is consumed in the
// same transaction. It returns errSpent where that is no longer good.
func (r *registry) enrol(ctx context.Context, random io.Reader, by *Token, databaseID, name string, now replog.Millis) (replog.DeviceID, string, error) {
	id, err := uuid.NewRandomFromReader(random)
	if err != nil {
		return "", "", fmt.Errorf("make a device id: %w", err)
	}
	var secret string
	err = r.within(ctx, func(tx *registryTx) error {
		if err := spend(ctx, tx, by, now); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `INSERT INTO @device (id, database_id, name, enrolled_at) VALUES ($1, $2, $3, $4)`,
			id.String(), databaseID, name, now)
		if err != nil {
			return err
		}
		t := Token{Kind: DeviceToken, Name: name, Device: replog.DeviceID(id.String()), Created: now, Schema: by.Schema, databaseID: databaseID}
		secret, err = insertToken(ctx, tx, random, &t)
		return err
	})
	return replog.DeviceID(id.String()), secret, err
}

func spend(ctx context.Context, tx *registryTx, by *Token, now replog.Millis) error {
	if by.Kind != EnrolmentToken {
		return nil
	}
	n, err := tx.exec(ctx, `
		UPDATE @token SET used_at = $1
		WHERE id = $2 AND used_at IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)`,
		now, by.ID)
	if err != nil || n == 1 {
		return err
	}
	return errSpent
}

func (r *registry) devices(ctx context.Context, databaseID string) ([]device, error) {
	rows, err := r.rows(ctx, `
		SELECT v.id, v.name, v.enrolled_at, coalesce(v.revoked_at, 0),
		       EXISTS (SELECT 1 FROM @token t WHERE t.device_id = v.id AND t.schema_right <> 0 AND t.revoked_at IS NULL)
		FROM @device v WHERE v.database_id = $1 ORDER BY v.n`, databaseID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []device
	for rows.Next() {
		var d device
		if err := rows.Scan(&d.ID, &d.Name, &d.Enrolled, &d.Revoked, &d.Schema); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

// revokeDevice makes a device's tokens invalid. False where the database has no
// such device.
func (r *registry) revokeDevice(ctx context.Context, databaseID string, id replog.DeviceID, now replog.Millis) (found bool, err error) {
	err = r.within(ctx, func(tx *registryTx) error {
		n, err := tx.exec(ctx, `
			UPDATE @device SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 AND database_id = $3`, now, id, databaseID)
		if found = n > 0; err != nil || !found {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE @token SET revoked_at = coalesce(revoked_at, $1) WHERE device_id = $2`, now, id)
		return err
	})
	return found, err
}
