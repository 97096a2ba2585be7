// Package store keeps conversations in a SQL database. One Writer appends every event to the log and derives from it, in
// the same transaction, what readers ask for: conversation documents, final utterances, matches and analyses. Everything
// else in the package reads, except for trackers, which are saved directly.
//
// What differs between databases (opening, locking, migrations, error codes, full-text search) is in a driver package
// such as store/sqlite; storetest.Run is the suite that every driver passes.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/uptrace/bun"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store/sqlite"
)

// Options says how to open a store. Only Path is required.
type Options struct {
	Path        string                // of the SQLite file; its folder must exist
	BusyTimeout time.Duration         // how long a statement waits for a lock of another program; 5 s if zero
	Logger      *slog.Logger          // says which database was opened; discards if nil
	Registerer  prometheus.Registerer // registers nothing if nil
	Now         func() time.Time      // time.Now if nil
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	db  database
	now func() time.Time
}

// database is what a driver provides.
type database interface {
	io.Closer
	Writer() *bun.DB
	Reader() *bun.DB
	Size() int64             // bytes on disk
	Conflict(err error) bool // a row with the same identity exists
	Refused(err error) bool  // the row is at fault and can never be written
	Away(err error) bool     // the database cannot be written at the moment
	// Search returns a SELECT of the id of every utterance that has the words of text, and its parameter; false if text has
	// no word.
	Search(text string) (query, parameter string, ok bool)
}

// Open opens the database and migrates it to the newest version. A file that another daemon uses, that cannot be written
// or that is no database is an error that names the file and says what is wrong with it.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	db, err := sqlite.Open(ctx, sqlite.Options{Path: o.Path, BusyTimeout: o.BusyTimeout})
	if err != nil {
		return nil, err
	}
	o.Logger.Info("database open", "path", o.Path, "bytes", db.Size())
	promauto.With(o.Registerer).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "operatord_store_database_bytes", Help: "Size of the database on disk.",
	}, func() float64 { return float64(db.Size()) })
	return &Store{db: db, now: o.Now}, nil
}

// Close closes the database; a Writer on it must have ended. It may be called again.
func (s *Store) Close() error { return s.db.Close() }

// DB returns the handle that writes, for job queues that put their tables into the same database. It has one connection:
// a transaction left open on it stops every other writer.
func (s *Store) DB() *sql.DB { return s.db.Writer().DB }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.Reader().PingContext(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// CountByStatus returns how many conversations are in each status; a status that none is in counts 0.
func (s *Store) CountByStatus(ctx context.Context) (map[conversation.Status]int64, error) {
	var rows []struct {
		Status conversation.Status
		Count  int64
	}
	err := s.db.Reader().NewSelect().Model((*conversationRow)(nil)).ColumnExpr("status, count(*) AS count").
		Group("status").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count conversations: %w", err)
	}
	counts := make(map[conversation.Status]int64)
	for _, status := range conversation.Statuses() {
		counts[status] = 0
	}
	for _, row := range rows {
		counts[row.Status] = row.Count
	}
	return counts, nil
}

// found turns the absence of a row into conversation.ErrNotFound and says what was looked for.
func found(err error, what string, id any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %v: %w", what, id, conversation.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read %s %v: %w", what, id, err)
	}
	return nil
}
