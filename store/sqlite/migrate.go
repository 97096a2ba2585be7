package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable holds the schema version; other packages keep tables, and versions, of their own in the same database.
const versionTable = "store_version"

// latest asks migrate for the newest version there is.
const latest = -1

// ErrNewer is returned by Open for a database that a later version of the daemon has migrated.
var ErrNewer = errors.New("was written by a newer version")

// migrate brings the schema up to version; each migration is one transaction. It never goes down.
func migrate(ctx context.Context, db *sql.DB, version int64) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("%w: its schema is %d, this version knows %d", ErrNewer, current, newest)
	}
	if version == latest {
		version = newest
	}
	_, err = provider.UpTo(ctx, version)
	return err
}
