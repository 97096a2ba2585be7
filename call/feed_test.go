package call_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/call"
	"github.com/operatord/operatord/conversation"
)

const a, b conversation.ID = "1767323045000001", "1767323045000002"

func partial(id conversation.ID) conversation.Event {
	return conversation.Event{ConversationID: id, Type: conversation.EventUtterancePartial}
}

// take reads n events.
func take(t *testing.T, sub *call.Subscription, n int) []conversation.Event {
	t.Helper()
	var got []conversation.Event
	for range n {
		ev, err := sub.Next(t.Context())
		require.NoError(t, err)
		got = append(got, ev)
	}
	return got
}

func TestFeedNumbersEachConversationFromOne(t *testing.T) {
	store := &memoryStore{}
	feed := call.NewFeed(store, 7, time.Now)
	require.Equal(t, int64(1), feed.Publish(partial(a)).Seq)
	require.Equal(t, int64(1), feed.Publish(partial(b)).Seq)
	second := feed.Publish(partial(a))
	require.Equal(t, int64(2), second.Seq)
	require.NoError(t, feed.PublishLate(t.Context(), partial(b)))
	require.Len(t, store.events, 4)
	for i := 1; i < len(store.events); i++ {
		require.Greater(t, store.events[i].Position, store.events[i-1].Position)
	}
	require.Equal(t, int64(2), store.events[3].Seq)
}

func TestFeedPositionsGrowWhenTheClockGoesBack(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	feed := call.NewFeed(&memoryStore{}, 0, func() time.Time { return now })
	first := feed.Publish(partial(a))
	now = now.Add(-time.Hour)
	require.Equal(t, first.Position+1, feed.Publish(partial(a)).Position)
}

func TestSubscribe(t *testing.T) {
	t.Run("resumes behind a position without gap or repetition", func(t *testing.T) {
		feed := call.NewFeed(&memoryStore{}, 0, time.Now)
		for range 3 {
			feed.Publish(partial(a))
		}
		second := feed.Publish(partial(a))
		feed.Publish(partial(a))
		sub, err := feed.Subscribe(t.Context(), second.Position)
		require.NoError(t, err)
		defer sub.Close()
		feed.Publish(partial(a))
		got := take(t, sub, 2)
		require.Equal(t, []int64{5, 6}, []int64{got[0].Seq, got[1].Seq})
	})
	t.Run("pages through a long history", func(t *testing.T) {
		feed := call.NewFeed(&memoryStore{}, 0, time.Now)
		for range 1203 {
			feed.Publish(partial(a))
		}
		sub, err := feed.Subscribe(t.Context(), 0)
		require.NoError(t, err)
		defer sub.Close()
		feed.Publish(partial(a))
		for i, ev := range take(t, sub, 1204) {
			require.Equal(t, int64(i+1), ev.Seq)
		}
	})
	t.Run("live only leaves history out", func(t *testing.T) {
		feed := call.NewFeed(&memoryStore{}, 0, time.Now)
		feed.Publish(partial(a))
		sub, err := feed.Subscribe(t.Context(), -1)
		require.NoError(t, err)
		defer sub.Close()
		feed.Publish(partial(b))
		require.Equal(t, b, take(t, sub, 1)[0].ConversationID)
	})
	t.Run("a slow reader is told so after what it was given", func(t *testing.T) {
		feed := call.NewFeed(&memoryStore{}, 0, time.Now)
		sub, err := feed.Subscribe(t.Context(), -1)
		require.NoError(t, err)
		defer sub.Close()
		for range 5000 {
			feed.Publish(partial(a))
		}
		for {
			if _, err = sub.Next(t.Context()); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, call.ErrLagging)
	})
	t.Run("history that cannot be read is an error, live events are not", func(t *testing.T) {
		store := &memoryStore{}
		feed := call.NewFeed(store, 0, time.Now)
		feed.Publish(partial(a))
		store.down = errors.New("database is gone")
		_, err := feed.Subscribe(t.Context(), 0)
		require.ErrorIs(t, err, conversation.ErrUnavailable)
		sub, err := feed.Subscribe(t.Context(), -1)
		require.NoError(t, err)
		sub.Close()
	})
	t.Run("closing wakes the reader", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			feed := call.NewFeed(&memoryStore{}, 0, time.Now)
			sub, err := feed.Subscribe(t.Context(), -1)
			require.NoError(t, err)
			result := make(chan error, 1)
			go func() {
				_, err := sub.Next(context.Background())
				result <- err
			}()
			synctest.Wait()
			sub.Close()
			require.ErrorIs(t, <-result, conversation.ErrUnavailable)
		})
	})
}
