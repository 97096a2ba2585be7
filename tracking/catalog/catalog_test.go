package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// run runs the catalog until the returned function is called.
func run(t *testing.T, c *catalog.Catalog) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { require.NoError(t, c.Run(ctx)) })
	return func() {
		cancel()
		done.Wait()
	}
}

func TestChangesAreCompiledInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		detector := &compiler{takes: 10 * time.Millisecond}
		c := newCatalog(t, catalog.Options{Compiler: detector})
		defer run(t, c)()
		<-c.Compiled()
		require.Equal(t, catalog.Current, c.State().Status)

		a, err := c.Create(t.Context(), "api", content("A"))
		require.NoError(t, err)
		_, live := c.InForce(a.ID)
		require.False(t, live)
		require.Equal(t, catalog.Compiling, c.State().Status)
		for _, name := range []string{"B", "C", "D"} {
			_, err := c.Create(t.Context(), "api", content(name))
			require.NoError(t, err)
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"", "A1 B1 C1 D1"}, detector.compiled(), "changes that come together are compiled together")
		state := c.State()
		require.Equal(t, catalog.Current, state.Status)
		require.Equal(t, 4, state.Trackers)
		require.EqualValues(t, 10, state.TookMS)
		live1, live := c.InForce(a.ID)
		require.True(t, live)
		require.Equal(t, 1, live1.Version)
	})
}

func TestAStreamOfChangesDoesNotPutCompilationOffForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		detector := new(compiler)
		c := newCatalog(t, catalog.Options{Compiler: detector})
		defer run(t, c)()
		<-c.Compiled()
		for i := range 100 {
			_, err := c.Create(t.Context(), "api", content(strings.Repeat("x", i+1)))
			require.NoError(t, err)
			time.Sleep(30 * time.Millisecond)
		}
		require.GreaterOrEqual(t, len(detector.compiled()), 5)
		time.Sleep(time.Second)
		require.Equal(t, 100, c.State().Trackers)
	})
}

func TestACompilationThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		detector := &compiler{fails: 2}
		c := newCatalog(t, catalog.Options{Compiler: detector, OnCompiled: func(err error) { told = append(told, err) }})
		defer run(t, c)()
		<-c.Compiled()
		synctest.Wait()
		require.Equal(t, catalog.Failed, c.State().Status)
		require.Contains(t, c.State().Error, "encoder is gone")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, catalog.Current, c.State().Status)
		require.Empty(t, c.State().Error)
		require.Len(t, told, 3)
		require.NoError(t, told[2])
	})
}

func TestDisabledAndDeletedTrackersAreNotInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCatalog(t, catalog.Options{})
		defer run(t, c)()
		off := content("Off")
		off.Enabled = false
		a, err := c.Create(t.Context(), "api", off)
		require.NoError(t, err)
		b, err := c.Create(t.Context(), "api", content("On"))
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, live := c.InForce(a.ID)
		require.False(t, live)
		require.NoError(t, c.Delete(t.Context(), b.ID, "api", nil))
		time.Sleep(time.Second)
		_, live = c.InForce(b.ID)
		require.False(t, live)
		require.Zero(t, c.State().Trackers)
	})
}

func TestAChangeThatIsOvertakenIsMadeAgain(t *testing.T) {
	store := newMemory()
	c := newCatalog(t, catalog.Options{Store: store})
	made, err := c.Create(t.Context(), "api", content("A"))
	require.NoError(t, err)
	overtake := func(times int) {
		store.before = func() {
			if times--; times >= 0 {
				store.mu.Lock()
				other := store.trackers[made.ID]
				other.Version++
				other.Description += "other."
				store.trackers[made.ID] = other
				store.mu.Unlock()
			}
		}
	}
	edit := func(old tracking.Tracker) (catalog.Content, error) {
		next := catalog.ContentOf(old)
		next.Threshold += 0.1
		return next, nil
	}
	overtake(2)
	changed, err := c.Change(t.Context(), made.ID, "api", edit)
	require.NoError(t, err)
	require.Equal(t, "other.other.", changed.Description, "made on what the other one saved")
	require.InDelta(t, 0.1, changed.Threshold, 1e-9)
	overtake(9)
	_, err = c.Change(t.Context(), made.ID, "api", edit)
	require.ErrorIs(t, err, conversation.ErrConflict)
}

func codes(list []catalog.Warning) []string {
	var codes []string
	for _, w := range list {
		codes = append(codes, string(w.Code)+" "+w.Member)
	}
	return codes
}

func TestWarningsAboutMeaning(t *testing.T) {
	c := newCatalog(t, catalog.Options{Encoder: letters{}})
	many := tracking.Tracker{Vocabulary: []string{
		"I want to cancel my contract", "I do not want to cancel my contract", "I want to cancel a contract", "zzz", "quick fox",
	}, NegativeExamples: []string{"the quick foxe"}}
	require.Equal(t, []string{
		"contradiction vocabulary[1]", "near_duplicate vocabulary[2]", "contradiction vocabulary[2]",
	}, codes(c.Warnings(t.Context(), many)[0]))
	many.NegativeExamples = []string{"quick foxx"}
	require.Contains(t, codes(c.Warnings(t.Context(), many)[0]), "contradiction vocabulary[4]")
	many.Vocabulary[1] = "I do not want a new phone"
	require.NotContains(t, codes(c.Warnings(t.Context(), many)[0]), "contradiction vocabulary[1]")
}

func TestWhatCannotBeCheckedIsSaid(t *testing.T) {
	store := newMemory()
	c := newCatalog(t, catalog.Options{Store: store, Encoder: letters{fail: errors.New("busy")}})
	store.down = errors.New("disk is full")
	list := c.Warnings(t.Context(), tracking.Tracker{Vocabulary: []string{"a", "b", "c", "d", "e"}})[0]
	require.Equal(t, []string{"not_checked vocabulary", "not_checked vocabulary"}, codes(list))
	require.Contains(t, list[0].Message, "busy")
}

// TestContentHoldsWhateverPeopleDecide fails when a member is added to tracking.Tracker and forgotten here.
func TestContentHoldsWhateverPeopleDecide(t *testing.T) {
	set := map[string]bool{"id": true, "version": true, "updated_by": true, "created_at": true, "updated_at": true}
	name := func(f reflect.StructField) string {
		n, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return n
	}
	for field := range reflect.TypeFor[catalog.Content]().Fields() {
		set[name(field)] = true
	}
	for field := range reflect.TypeFor[tracking.Tracker]().Fields() {
		require.Contains(t, set, name(field))
	}
	full := tracking.Tracker{
		Name: "n", Description: "d", Categories: []string{"c"}, Vocabulary: []string{"v"}, Threshold: 0.5, Role: "caller",
		Languages: []string{"en"}, Exclusions: []string{"x"}, NegativeExamples: []string{"e"}, Stance: tracking.Stance{Negation: "match"},
		Actions: []tracking.Action{{Type: "alert"}}, AlertsPerHour: 1, Enabled: true, Library: "l",
	}
	data, err := json.Marshal(catalog.ContentOf(full))
	require.NoError(t, err)
	draft, err := catalog.Decode(data)
	require.NoError(t, err)
	require.Equal(t, catalog.ContentOf(full), draft.Content)
	require.Len(t, catalog.Changed(catalog.Content{Enabled: false}, draft.Content), reflect.TypeFor[catalog.Content]().NumField())
}
