package orm

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"replog/client/driver"
)

type customer struct {
	ID       uint
	Name     string  `gorm:"uniqueIndex"`
	Balance  float64 `gorm:"default:10"`
	Photo    []byte
	Since    time.Time
	Orders   []order
	Left     gorm.DeletedAt
	Nickname *string
}

type order struct {
	ID         uint
	CustomerID uint
	Item       string
	Count      int
}

func TestGormRunsUnchanged(t *testing.T) {
	beside(t, func(t *testing.T, name string) (string, []any) {
		path := filepath.Join(t.TempDir(), "gorm.db")
		migrated := openGorm(t, name, path)
		if err := migrated.AutoMigrate(&customer{}, &order{}); err != nil {
			t.Fatal(err)
		}
		closeGorm(t, migrated)
		install(t, path)
		db := openGorm(t, name, path)
		defer closeGorm(t, db)
		return path, append(workGorm(db), db.AutoMigrate(&customer{}, &order{}))
	}, []string{
		`"": insert customers, insert orders, insert orders`,
		`"": insert customers, insert customers`,
		`"move": update customers, insert orders`,
		`"": update customers, update customers, update customers`,
		`"": update customers`,
		`"": delete orders, delete orders`,
		`"": update customers`,
		`"": insert orders`,
	})
}

func openGorm(t *testing.T, name, path string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Dialector{DriverName: name, DSN: path + "?_foreign_keys=1&_journal_mode=WAL"},
		&gorm.Config{TranslateError: true, Logger: logger.Discard, NowFunc: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeGorm(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

// workGorm does what applications do, and notes what came of it.
func workGorm(db *gorm.DB) (notes []any) {
	note := func(v ...any) { notes = append(notes, v...) }
	ada := customer{Name: "Ada", Photo: []byte{1, 0, 2}, Since: time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC), Orders: []order{{Item: "cup", Count: 2}, {Item: "pot", Count: 1}}}
	r := db.Create(&ada)
	note(r.Error, r.RowsAffected, ada)
	several := []customer{{Name: "Ben"}, {Name: "Cleo"}}
	r = db.Create(&several)
	note(r.Error, r.RowsAffected, several)
	note(errors.Is(db.Create(&customer{Name: "Ada"}).Error, gorm.ErrDuplicatedKey))
	err := db.WithContext(driver.Label(db.Statement.Context, "move")).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&customer{}).Where("name = ?", "Ben").Update("balance", gorm.Expr("balance - ?", 3)).Error; err != nil {
			return err
		}
		note(fmt.Sprint(tx.Transaction(func(inner *gorm.DB) error {
			note(inner.Create(&order{CustomerID: ada.ID, Item: "gone"}).Error)
			return errors.New("no")
		})))
		return tx.Transaction(func(inner *gorm.DB) error { return inner.Create(&order{CustomerID: ada.ID, Item: "kept"}).Error })
	})
	note(err, fmt.Sprint(db.Transaction(func(tx *gorm.DB) error {
		note(tx.Where("1 = 1").Delete(&customer{}).RowsAffected)
		return errors.New("never mind")
	})))
	var changed []customer
	r = db.Model(&changed).Clauses(clause.Returning{}).Where("balance > ?", 0).Update("nickname", "x")
	note(r.Error, r.RowsAffected, changed)
	r = db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"balance"})}).Create(&customer{Name: "Cleo", Balance: 99})
	note(r.Error, r.RowsAffected)
	r = db.Where("count > ?", 0).Delete(&order{})
	note(r.Error, r.RowsAffected)
	r = db.Delete(&several[0])
	note(r.Error, r.RowsAffected)
	note(db.Exec("INSERT INTO orders(customer_id, item, count) VALUES(@c, @i, 1)", map[string]any{"c": ada.ID, "i": "raw"}).Error)
	note(db.Create(&order{CustomerID: 999}).Error != nil)
	var all []customer
	note(db.Preload("Orders").Order("id").Unscoped().Find(&all).Error, all)
	var n int64
	note(db.Model(&order{}).Count(&n).Error, n, errors.Is(db.First(&customer{}, 1000).Error, gorm.ErrRecordNotFound))
	rows, err := db.Model(&order{}).Rows()
	note(err)
	for rows.Next() {
		var o order
		note(db.ScanRows(rows, &o), o)
	}
	note(rows.Close())
	return notes
}
