// Package sqlite is the SQLite driver of package store: how the file is opened, locked, tuned and migrated, how its errors
// read, and how its full-text index is asked. It knows no query of the store beside that.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the database/sql driver "sqlite"
)

// Options says how to open a database. Only Path is required.
type Options struct {
	Path        string
	BusyTimeout time.Duration // how long a statement waits for another process's lock; 5 s if zero
	Readers     int           // connections for reading; 4 if zero
}

// Database is an open SQLite file: one connection that writes and a pool that reads, side by side in WAL mode. It is safe
// for concurrent use.
type Database struct {
	path   string
	lock   *fileLock
	writer *bun.DB
	reader *bun.DB
}

// Open opens the file at o.Path, creating it if it is missing, and migrates it to the newest version. One process may have
// it open: a second one gets ErrInUse. Every error names the file and what to do about it.
func Open(ctx context.Context, o Options) (*Database, error) {
	db, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	if err := migrate(ctx, db.writer.DB, latest); err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, errors.Join(explain(err), db.Close()))
	}
	return db, nil
}

// MigrateTo brings the file at path to the given schema version, for tests of upgrades from that version.
func MigrateTo(ctx context.Context, path string, version int64) error {
	db, err := open(Options{Path: path})
	if err != nil {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	return errors.Join(migrate(ctx, db.writer.DB, version), db.Close())
}

func open(o Options) (*Database, error) {
	if o.Path == "" {
		return nil, errors.New("no path given")
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	lock, err := lockFile(o.Path + ".lock")
	if err != nil {
		return nil, err
	}
	if err := touch(o.Path); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	db := &Database{path: o.Path, lock: lock}
	if db.writer, err = pool(o, 1, "_txlock", "immediate"); err == nil {
		db.reader, err = pool(o, o.Readers, "_query_only", "1")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// touch creates the file readable by its owner only (it holds what people said on the telephone) and finds out early
// whether it can be written.
func touch(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("file cannot be written: %w", pathErr.Err)
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// pool returns a lazily connecting pool of at most size connections; option is one more parameter of the driver.
// Commits are synchronous (FULL): the writer batches, so the price is paid per batch and a power cut loses nothing stored.
func pool(o Options, size int, option, value string) (*bun.DB, error) {
	params := url.Values{option: {value}, "_busy_timeout": {strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10)}}
	params["_pragma"] = []string{
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)",
		"cache_size(-16384)", "journal_size_limit(67108864)",
	}
	name := "file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?" + params.Encode()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// Writer returns the one connection that may write; its transactions take the write lock when they begin.
func (d *Database) Writer() *bun.DB { return d.writer }

// Reader returns the pool for reading. Its statements see everything committed before they began.
func (d *Database) Reader() *bun.DB { return d.reader }

// Size returns the bytes on disk, the write-ahead log included.
func (d *Database) Size() int64 {
	var total int64
	for _, path := range []string{d.path, d.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	return total
}

// Close closes both pools and gives the file free. It may be called again.
func (d *Database) Close() error {
	var errs []error
	for _, db := range []*bun.DB{d.reader, d.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, d.lock.Release())...)
}
