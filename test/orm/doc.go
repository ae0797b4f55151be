// Package orm runs gorm and sqlx on the driver, beside mattn's. It is a module of
// its own, so that nobody who uses replog gets these two along.
package orm
