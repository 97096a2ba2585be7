package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func testMigrations(t *testing.T, d Driver) {
	t.Helper()
	for version := int64(1); version <= d.Versions; version++ {
		t.Run(fmt.Sprintf("version %d is brought up to date", version), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, d.MigrateTo(t.Context(), dir, version))
			b, s := d.Reopen(t, dir), NewScript()
			s.Say(s.Inbound("+15550100", "100", nil), 0, "hello")
			b.Write(s.Events)
			requireEvents(t, b, s.Events)
		})
	}
	t.Run("opening again changes nothing", func(t *testing.T) {
		b, s := d.New(t), NewScript()
		s.Inbound("+15550100", "100", nil)
		b.Write(s.Events)
		require.NoError(t, b.Store.Close())
		requireEvents(t, d.Reopen(t, b.Dir), s.Events)
	})
}
