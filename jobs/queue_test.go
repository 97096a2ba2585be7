package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/operatord/operatord/jobs"
)

// crashDB tells the test binary to be the process that is killed, and names its database.
const crashDB = "JOBS_TEST_CRASH_DB"

type noteArgs struct {
	Text string `json:"text"`
}

func (noteArgs) Kind() string { return "note" }

type noteWorker struct {
	river.WorkerDefaults[noteArgs]

	work func(context.Context, *river.Job[noteArgs]) error
}

func (w *noteWorker) Work(ctx context.Context, job *river.Job[noteArgs]) error {
	return w.work(ctx, job)
}

// NextRetry keeps the tests fast.
func (w *noteWorker) NextRetry(*river.Job[noteArgs]) time.Time { return time.Now() }

// open returns a database with immediate transactions and a busy timeout.
func open(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)&_txlock=immediate")
}

func openMigrated(t *testing.T) (*sql.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs.db")
	db, err := open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, jobs.Migrate(t.Context(), db))
	return db, path
}

func newQueue(t *testing.T, options jobs.Options, work func(context.Context, *river.Job[noteArgs]) error) *jobs.Queue {
	t.Helper()
	options.Workers = river.NewWorkers()
	require.NoError(t, river.AddWorkerSafely(options.Workers, &noteWorker{work: work}))
	queue, err := jobs.New(options)
	require.NoError(t, err)
	return queue
}

// start runs the queue until the test ends.
func start(t *testing.T, queue *jobs.Queue) {
	t.Helper()
	require.NoError(t, queue.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, queue.Stop(ctx))
	})
}

func insert(t *testing.T, db *sql.DB, queue *jobs.Queue, text string, opts *river.InsertOpts) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, queue.InsertTx(t.Context(), tx, noteArgs{Text: text}, opts))
	require.NoError(t, tx.Commit())
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came")
	}
	panic("unreachable")
}

func state(t *testing.T, db *sql.DB) string {
	t.Helper()
	var state string
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT state FROM river_job ORDER BY id DESC LIMIT 1`).Scan(&state))
	return state
}

func TestMigrateIsIdempotent(t *testing.T) {
	db, _ := openMigrated(t)
	require.NoError(t, jobs.Migrate(t.Context(), db))
}

func TestNewRefuses(t *testing.T) {
	_, err := jobs.New(jobs.Options{Workers: river.NewWorkers()})
	require.ErrorContains(t, err, "no database")
	db, _ := openMigrated(t)
	_, err = jobs.New(jobs.Options{DB: db})
	require.ErrorContains(t, err, "no worker bundle")
}

func TestJobStartsSoonAfterCommit(t *testing.T) {
	db, _ := openMigrated(t)
	started := make(chan time.Time, 1)
	queue := newQueue(t, jobs.Options{DB: db}, func(context.Context, *river.Job[noteArgs]) error {
		started <- time.Now()
		return nil
	})
	start(t, queue)
	best := time.Hour // of several, because other processes may hold the processor
	for range 5 {
		insert(t, db, queue, "hello", nil)
		committed := time.Now()
		best = min(best, receive(t, started).Sub(committed))
	}
	require.Less(t, best, 200*time.Millisecond)
}

func TestJobOfARolledBackTransactionDoesNotRun(t *testing.T) {
	db, _ := openMigrated(t)
	ran := make(chan string, 2)
	queue := newQueue(t, jobs.Options{DB: db}, func(_ context.Context, job *river.Job[noteArgs]) error {
		ran <- job.Args.Text
		return nil
	})
	start(t, queue)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, queue.InsertTx(t.Context(), tx, noteArgs{Text: "lost"}, nil))
	require.NoError(t, tx.Rollback())
	insert(t, db, queue, "kept", nil)
	require.Equal(t, "kept", receive(t, ran))
}

func TestUniqueJobIsInsertedOnce(t *testing.T) {
	db, _ := openMigrated(t)
	queue := newQueue(t, jobs.Options{DB: db}, nil)
	unique := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
	insert(t, db, queue, "once", unique)
	insert(t, db, queue, "once", unique)
	var count int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job`).Scan(&count))
	require.Equal(t, 1, count)
}

func TestFailingJobIsTriedAgain(t *testing.T) {
	db, _ := openMigrated(t)
	registry := prometheus.NewRegistry()
	done := make(chan int, 1)
	queue := newQueue(t, jobs.Options{DB: db, Registerer: registry}, func(_ context.Context, job *river.Job[noteArgs]) error {
		if job.Attempt < 3 {
			return errors.New("not yet")
		}
		done <- job.Attempt
		return nil
	})
	start(t, queue)
	insert(t, db, queue, "stubborn", nil)
	require.Equal(t, 3, receive(t, done))
	require.Eventually(t, func() bool { return state(t, db) == "completed" }, 5*time.Second, 20*time.Millisecond)
	count, err := testutil.GatherAndCount(registry, "operatord_job_attempt_duration_seconds")
	require.NoError(t, err)
	require.Equal(t, 2, count, "one series for failed and one for completed attempts")
}

func TestStopCancelsJobsThatDoNotEnd(t *testing.T) {
	db, _ := openMigrated(t)
	started := make(chan struct{}, 1)
	queue := newQueue(t, jobs.Options{DB: db}, func(ctx context.Context, _ *river.Job[noteArgs]) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, queue.Start(t.Context()))
	insert(t, db, queue, "endless", nil)
	receive(t, started)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, queue.Stop(ctx))
	require.Equal(t, "available", state(t, db), "it is tried again by the next start")
	require.NoError(t, queue.Stop(t.Context()), "stopping again does nothing")
}

func TestStopBeforeStart(t *testing.T) {
	db, _ := openMigrated(t)
	require.NoError(t, newQueue(t, jobs.Options{DB: db}, nil).Stop(t.Context()))
}

func TestWritersDoNotDisturbEachOther(t *testing.T) {
	for name, connections := range map[string]int{"one connection": 1, "many connections": 8} {
		t.Run(name, func(t *testing.T) {
			db, _ := openMigrated(t)
			db.SetMaxOpenConns(connections)
			insertWhileWorking(t, db)
		})
	}
}

// insertWhileWorking inserts from several goroutines while jobs of the same database run and write.
func insertWhileWorking(t *testing.T, db *sql.DB) {
	t.Helper()
	const writers, each = 4, 10
	_, err := db.ExecContext(t.Context(), `CREATE TABLE note (text TEXT PRIMARY KEY)`)
	require.NoError(t, err)
	var warnings, failed atomic.Int64
	logger := slog.New(&countingHandler{count: &warnings})
	queue := newQueue(t, jobs.Options{DB: db, Logger: logger}, func(ctx context.Context, job *river.Job[noteArgs]) error {
		_, err := db.ExecContext(ctx, `INSERT INTO note VALUES (?)`, job.Args.Text)
		if err != nil {
			failed.Add(1)
		}
		return err
	})
	start(t, queue)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				insert(t, db, queue, fmt.Sprintf("%d-%d", w, i), nil)
			}
		})
	}
	group.Wait()
	require.Eventually(t, func() bool {
		var count int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE state = 'completed'`).Scan(&count))
		return count == writers*each
	}, 30*time.Second, 50*time.Millisecond)
	require.Zero(t, failed.Load())
	require.Zero(t, warnings.Load(), "the queue's own queries wait for each other instead of failing")
}

// countingHandler counts what is logged at warn and above.
type countingHandler struct{ count *atomic.Int64 }

func (h *countingHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (h *countingHandler) Handle(context.Context, slog.Record) error {
	h.count.Add(1)
	return nil
}

func (h *countingHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *countingHandler) WithGroup(string) slog.Handler      { return h }

// runUntilKilled is the process that dies in the middle of a job: it says so on its standard output and waits.
func runUntilKilled(path string) {
	db, err := open(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &noteWorker{work: func(ctx context.Context, job *river.Job[noteArgs]) error {
		fmt.Println("working on", job.Args.Text)
		<-ctx.Done()
		return ctx.Err()
	}})
	queue, err := jobs.New(jobs.Options{DB: db, Workers: workers})
	if err == nil {
		err = queue.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

func TestJobOfAKilledProcessIsTakenOver(t *testing.T) {
	db, path := openMigrated(t)
	again := make(chan int, 1)
	queue := newQueue(t, jobs.Options{DB: db}, func(_ context.Context, job *river.Job[noteArgs]) error {
		again <- job.Attempt
		return nil
	})
	insert(t, db, queue, "survivor", nil)

	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), crashDB+"="+path)
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "working on survivor", strings.TrimSpace(line))
	require.NoError(t, process.Process.Kill())
	require.Error(t, process.Wait())
	require.Equal(t, "running", state(t, db))

	began := time.Now()
	start(t, queue)
	require.Equal(t, 2, receive(t, again))
	require.Less(t, time.Since(began), 5*time.Second)
	require.Eventually(t, func() bool { return state(t, db) == "completed" }, 5*time.Second, 20*time.Millisecond)
}

func TestJobThatKillsEveryProcessIsDiscarded(t *testing.T) {
	db, _ := openMigrated(t)
	queue := newQueue(t, jobs.Options{DB: db}, nil)
	insert(t, db, queue, "deadly", &river.InsertOpts{MaxAttempts: 2})
	_, err := db.ExecContext(t.Context(), `UPDATE river_job SET state = 'running', attempt = 2, attempted_by = CAST('["other", "operatord"]' AS BLOB)`)
	require.NoError(t, err)
	start(t, queue)
	require.Equal(t, "discarded", state(t, db))
	var message string
	require.NoError(t, db.QueryRowContext(t.Context(),
		`SELECT json_extract(CAST(errors AS TEXT), '$[0].error') FROM river_job`).Scan(&message))
	require.Contains(t, message, "the process ended")
}

func TestJobOfAnotherNodeIsLeftAlone(t *testing.T) {
	db, _ := openMigrated(t)
	queue := newQueue(t, jobs.Options{DB: db}, nil)
	insert(t, db, queue, "foreign", nil)
	_, err := db.ExecContext(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now', 'subsec'),
		attempted_by = CAST('["operatord", "other"]' AS BLOB)`)
	require.NoError(t, err)
	start(t, queue)
	require.Equal(t, "running", state(t, db))
}
