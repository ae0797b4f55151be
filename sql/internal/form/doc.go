// Package form is what the log stores have in common: how an entry is taken apart into
// the rows that are stored of it, and put together again from them.
package form
