package dialer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/dialer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Inside a synctest bubble the clock starts at midnight UTC of Saturday 2000-01-01.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// recorder is a Place function that notes what it was asked and takes as long as it is told.
type recorder struct {
	mu       sync.Mutex
	requests []dialer.Request
	takes    time.Duration
	err      error
	now, top atomic.Int32 // calls being placed, and the most at once
}

func (r *recorder) place(ctx context.Context, req dialer.Request) (conversation.ID, error) {
	r.mu.Lock()
	r.requests = append(r.requests, req)
	r.mu.Unlock()
	if n := r.now.Add(1); n > r.top.Load() {
		r.top.Store(n)
	}
	defer r.now.Add(-1)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(r.takes):
		return "1700000000000001", r.err
	}
}

func (r *recorder) times() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Duration
	for _, req := range r.requests {
		times = append(times, req.At.Sub(start))
	}
	return times
}

// options returns valid options with the given schedules, each enabled and calling +491.
func options(place *recorder, schedules ...dialer.Schedule) dialer.Options {
	for i := range schedules {
		schedules[i].Enabled, schedules[i].To = true, "+491"
	}
	return dialer.Options{
		Schedules: schedules, Place: place.place,
		MaxConcurrent: 10, MaxWait: time.Minute, PlaceTimeout: 2 * time.Hour, Registerer: prometheus.NewRegistry(),
	}
}

// runFor runs a dialer for a time of the bubble's clock and returns what it counted.
func runFor(t *testing.T, opts dialer.Options, d time.Duration) prometheus.Gatherer {
	t.Helper()
	dial, err := dialer.New(opts)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, dial.Run(ctx))
	return opts.Registerer.(prometheus.Gatherer)
}

func requireFirings(t *testing.T, metrics prometheus.Gatherer, lines ...string) {
	t.Helper()
	var want strings.Builder
	want.WriteString("# HELP operatord_dialer_firings_total Firings of call schedules by what became of them.\n" +
		"# TYPE operatord_dialer_firings_total counter\n")
	for _, line := range lines {
		want.WriteString("operatord_dialer_firings_total" + line + "\n")
	}
	require.NoError(t, testutil.GatherAndCompare(metrics, strings.NewReader(want.String())))
}

func TestScheduleFiresInItsTimeZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{}
		opts := options(place, dialer.Schedule{
			Name: "morning", Cron: "0 9 * * *", TimeZone: "Europe/Berlin", From: "+492", Trunk: "main", Profile: "reminder",
		})
		metrics := runFor(t, opts, 47*time.Hour)
		require.Equal(t, []time.Duration{8 * time.Hour, 32 * time.Hour}, place.times())
		require.Equal(t, dialer.Request{
			Schedule: "morning", To: "+491", From: "+492", Trunk: "main", Profile: "reminder", At: start.Add(8 * time.Hour),
		}, place.requests[0])
		requireFirings(t, metrics, `{outcome="placed",schedule="morning"} 2`)
	})
}

func TestFailureIsCountedAndTheScheduleGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{err: errors.New("no such trunk")}
		metrics := runFor(t, options(place, dialer.Schedule{Name: "a", Cron: "@every 10m"}), 25*time.Minute)
		requireFirings(t, metrics, `{outcome="failed",schedule="a"} 2`)
	})
}

func TestFiringIsSkippedWhileThePreviousCallIsBeingPlaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{takes: 25 * time.Minute}
		metrics := runFor(t, options(place, dialer.Schedule{Name: "a", Cron: "*/10 * * * *"}), 65*time.Minute)
		require.Equal(t, []time.Duration{10 * time.Minute, 40 * time.Minute}, place.times())
		requireFirings(t, metrics, `{outcome="placed",schedule="a"} 2`, `{outcome="skipped_busy",schedule="a"} 4`)
	})
}

func TestScheduleMayPlaceSeveralCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{takes: 25 * time.Minute}
		runFor(t, options(place, dialer.Schedule{Name: "a", Cron: "*/10 * * * *", MaxConcurrent: 2}), 65*time.Minute)
		require.EqualValues(t, 2, place.top.Load())
	})
}

func TestGlobalBound(t *testing.T) {
	three := []dialer.Schedule{
		{Name: "a", Cron: "0 * * * *"}, {Name: "b", Cron: "0 * * * *"}, {Name: "c", Cron: "0 * * * *"},
	}
	t.Run("a firing waits for a place", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			place := &recorder{takes: 20 * time.Second}
			opts := options(place, three...)
			opts.MaxConcurrent = 1
			metrics := runFor(t, opts, 90*time.Minute)
			require.EqualValues(t, 1, place.top.Load())
			requireFirings(t, metrics, `{outcome="placed",schedule="a"} 1`, `{outcome="placed",schedule="b"} 1`,
				`{outcome="placed",schedule="c"} 1`)
		})
	})
	t.Run("a firing that waited too long is skipped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			place := &recorder{takes: 5 * time.Minute}
			opts := options(place, three...)
			opts.MaxConcurrent = 2
			runFor(t, opts, 90*time.Minute)
			require.EqualValues(t, 2, place.top.Load())
			require.Len(t, place.times(), 2)
		})
	})
}

func TestPlaceHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{takes: time.Hour}
		opts := options(place, dialer.Schedule{Name: "a", Cron: "@hourly"})
		opts.PlaceTimeout = time.Minute
		requireFirings(t, runFor(t, opts, 90*time.Minute), `{outcome="failed",schedule="a"} 1`)
	})
}

func TestRunWaitsForCallsBeingPlaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{takes: time.Hour}
		runFor(t, options(place, dialer.Schedule{Name: "a", Cron: "@hourly"}), 61*time.Minute)
		require.Zero(t, place.now.Load())
		require.Equal(t, 61*time.Minute, time.Since(start), "stopping cancels the call being placed")
	})
}

func TestDisabledScheduleNeverFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := &recorder{}
		opts := options(place, dialer.Schedule{Name: "a", Cron: "@hourly"})
		opts.Schedules[0].Enabled = false
		runFor(t, opts, 5*time.Hour)
		require.Empty(t, place.times())
	})
}

func TestUpcomingIsSortedByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, err := dialer.New(options(&recorder{},
			dialer.Schedule{Name: "late", Cron: "0 20 * * *"},
			dialer.Schedule{Name: "soon", Cron: "0 9 * * *", TimeZone: "Asia/Tokyo"},
		))
		require.NoError(t, err)
		<-time.After(time.Minute) // of the bubble's clock: past midnight UTC, which is nine in Tokyo
		require.Equal(t, []dialer.Upcoming{
			{Schedule: "late", At: start.Add(20 * time.Hour)}, {Schedule: "soon", At: start.Add(24 * time.Hour)},
		}, dial.Upcoming())
	})
}

func TestNewReportsEveryProblemWithItsKey(t *testing.T) {
	_, err := dialer.New(dialer.Options{
		Schedules: []dialer.Schedule{
			{Name: "a", Cron: "@daily", To: "1"},
			{Name: "a", Cron: "@daily", To: "1"},
			{Cron: "@daily", To: "1"},
			{Name: "c", Cron: "@daily"},
			{Name: "d", Cron: "61 * * * *", To: "1"},
			{Name: "e", Cron: "TZ=UTC", To: "1"},
			{Name: "f", Cron: "0 0 30 2 *", To: "1"},
			{Name: "g", Cron: "@daily", TimeZone: "Mars/Olympus", To: "1"},
			{Name: "h", Cron: "@daily", To: "1", MaxConcurrent: -1},
		},
		MaxWait: -1,
	})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	for _, key := range []string{
		"schedules[1].name", "schedules[2].name", "schedules[3].to", "schedules[4].cron", "schedules[5].cron",
		"schedules[6].cron", "schedules[7].time_zone", "schedules[8].max_concurrent",
		"place: required", "max_concurrent: 0", "max_wait", "place_timeout",
	} {
		require.ErrorContains(t, err, key)
	}
}

func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{"* * * * *", "@every 1s", "@every", "TZ=", "CRON_TZ=UTC", "1-0 * * * *", "*/0 * * * *", ""} {
		f.Add(seed, "Europe/Berlin")
	}
	f.Add("@daily", "../etc/passwd")
	f.Fuzz(func(t *testing.T, cron, zone string) {
		opts := options(&recorder{}, dialer.Schedule{Name: "a", Cron: cron, TimeZone: zone})
		dial, err := dialer.New(opts)
		if err != nil {
			require.ErrorIs(t, err, conversation.ErrInvalid)
			return
		}
		require.True(t, dial.Upcoming()[0].At.After(time.Now().Add(-time.Second)))
	})
}
