package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/store/sqlite"
	"github.com/operatord/operatord/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const versions = 5

func path(dir string) string { return filepath.Join(dir, "operatord.db") }

var driver = storetest.Driver{
	Open: func(ctx context.Context, dir string) (*store.Store, error) {
		return store.Open(ctx, store.Options{Path: path(dir), BusyTimeout: 10 * time.Millisecond})
	},
	MigrateTo: func(ctx context.Context, dir string, version int64) error {
		return sqlite.MigrateTo(ctx, path(dir), version)
	},
	Versions: versions,
	Block:    block,
}

// block holds the write lock of the database as another program would.
func block(tb testing.TB, dir string) (release func()) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path(dir)+"?_txlock=immediate&_busy_timeout=60000")
	require.NoError(tb, err)
	tx, err := db.BeginTx(context.Background(), nil)
	require.NoError(tb, err)
	return func() {
		require.NoError(tb, tx.Rollback())
		require.NoError(tb, db.Close())
	}
}

func TestSuite(t *testing.T) { storetest.Run(t, driver) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"no folder", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Dir(path)))
		}, "folder must exist"},
		{"no database", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.WriteFile(path, []byte("this is a text and not a database at all, sorry"), 0o600))
		}, "corrupt or not a SQLite database"},
		{"damaged", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, sqlite.MigrateTo(t.Context(), path, 1))
			damage(t, path)
		}, "corrupt"},
		{"locked", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, sqlite.MigrateTo(t.Context(), path, 1))
			release := block(t, filepath.Dir(path))
			t.Cleanup(release)
		}, "locked by another program"},
		{"a folder", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "cannot be written"},
		{"newer", func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, sqlite.MigrateTo(t.Context(), path, versions))
			db, err := sql.Open("sqlite", path)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "INSERT INTO store_version (version_id, is_applied) VALUES (999, 1)")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}, "newer version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.Mkdir(dir, 0o700))
			test.prepare(t, path(dir))
			_, err := driver.Open(t.Context(), dir)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, path(dir))
		})
	}
}

// damage overwrites every page behind the header of the first.
func damage(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	info, err := file.Stat()
	require.NoError(t, err)
	junk := make([]byte, info.Size()-100)
	for i := range junk {
		junk[i] = byte(i)
	}
	_, err = file.WriteAt(junk, 100)
	require.NoError(t, err)
}

func TestOneProcessHasIt(t *testing.T) {
	b := driver.New(t)
	_, err := driver.Open(t.Context(), b.Dir)
	require.ErrorIs(t, err, sqlite.ErrInUse)
	require.NoError(t, b.Store.Close())
	driver.Reopen(t, b.Dir)
}

func TestAnyPathIsAFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100% of it? #1 ö & more")
	require.NoError(t, os.Mkdir(dir, 0o700))
	driver.Reopen(t, dir)
	info, err := os.Stat(path(dir))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "transcripts are for the owner's eyes")
}

func TestSearchFindsWhatWasSaidBeforeTheIndex(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sqlite.MigrateTo(t.Context(), path(dir), 2))
	db, err := sql.Open("sqlite", path(dir))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `
		INSERT INTO conversations (id, status, direction, channel, from_address, to_address, node, created_at, doc)
			VALUES (1772442000000000, 'completed', 'inbound', 'sip', '', '', '', 1, '{"id":"1772442000000000"}');
		INSERT INTO utterances (id, conversation_id, role, start_ms, text, doc)
			VALUES (1772442000000001, 1772442000000000, 'caller', 0, 'an old complaint', '{}')`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	page, err := driver.Reopen(t, dir).Store.ListConversations(t.Context(), store.Query{Text: "complaint"})
	require.NoError(t, err)
	require.Len(t, page.Conversations, 1)
}

func TestFullDiskSpoolsUntilThereIsRoom(t *testing.T) {
	b, s := driver.New(t), storetest.NewScript()
	limit := func(pages int) {
		_, err := b.Store.DB().ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(pages))
		require.NoError(t, err)
	}
	c := s.Inbound("+15550100", "100", nil)
	for range 500 {
		s.Say(c, 0, "hello")
	}
	limit(1) // SQLite makes that the present size: no page can be added
	w := b.Writer(nil)
	stop := b.Run(w)
	for _, ev := range s.Events {
		w.Append(ev)
	}
	require.Eventually(t, func() bool { return w.Err() != nil }, 20*time.Second, 2*time.Millisecond)
	require.ErrorContains(t, w.Err(), "full")
	limit(1 << 30)
	b.Flush(w)
	require.NoError(t, stop())
	seq, err := b.Store.LastSeq(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, int64(len(s.Events)), seq)
	require.Zero(t, b.Count("operatord_store_events_lost_total"))
}
