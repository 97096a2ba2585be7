// Package storetest is the suite that every driver of package store passes, and the fixtures to test with a store.
package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/store"
)

// Driver is a database under test.
type Driver struct {
	// Open opens the database that belongs to a folder, migrating or creating it.
	Open func(ctx context.Context, dir string) (*store.Store, error)
	// MigrateTo makes a database of an older schema version in a folder.
	MigrateTo func(ctx context.Context, dir string, version int64) error
	// Versions is the number of schema versions, numbered from 1.
	Versions int64
	// Block makes every write to the database fail, as if it were away, until release is called.
	Block func(tb testing.TB, dir string) (release func())
}

// New returns a store in a new folder, which is closed when the test ends.
func (d Driver) New(tb testing.TB) *Bench {
	tb.Helper()
	return d.Reopen(tb, tb.TempDir())
}

// Reopen returns a store in a folder that may have one.
func (d Driver) Reopen(tb testing.TB, dir string) *Bench {
	tb.Helper()
	s, err := d.Open(context.Background(), dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return &Bench{Store: s, Dir: dir, t: tb}
}

// Run runs the suite.
func Run(t *testing.T, d Driver) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*testing.T, Driver)
	}{
		{"events", testEvents},
		{"projections", testProjections},
		{"list", testList},
		{"trackers", testTrackers},
		{"history", testHistory},
		{"hooks", testHooks},
		{"faults", testFaults},
		{"migrations", testMigrations},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, d) })
	}
}
