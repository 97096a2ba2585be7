package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
)

// listed is three conversations, oldest first: a finished inbound call, a failed outbound one and a live one in the browser.
func listed(t *testing.T, b *Bench) [3]conversation.Conversation {
	t.Helper()
	s := NewScript()
	first := s.Inbound("+1 555 0100", "sip:Support@Example.com", nil)
	s.Answer(t, &first)
	s.Match(s.Say(first, 0, "I want to CANCEL my crème brûlée order"), "Cancellation", false)
	s.Finish(t, &first)
	second := s.Inbound("100%_sure", "+15550199", func(c *conversation.Conversation) {
		c.Direction, c.Status = conversation.Outbound, conversation.Failed
	})
	third := s.Inbound("browser", "100", func(c *conversation.Conversation) { c.Channel = conversation.ChannelWebRTC })
	s.Match(s.Say(third, 0, "good morning, my order is late"), "Cancellation", true)
	b.Write(s.Events)
	return [3]conversation.Conversation{first, second, third}
}

func testList(t *testing.T, d Driver) {
	t.Helper()
	b := d.New(t)
	c := listed(t, b)
	for _, test := range []struct {
		name  string
		query store.Query
		want  []int // indexes of c
	}{
		{"all, newest first", store.Query{}, []int{2, 1, 0}},
		{"status", store.Query{Status: []conversation.Status{conversation.Completed}}, []int{0}},
		{"one of two statuses", store.Query{Status: []conversation.Status{conversation.Queued, conversation.Failed}}, []int{2, 1}},
		{"direction", store.Query{Direction: conversation.Outbound}, []int{1}},
		{"channel", store.Query{Channel: conversation.ChannelWebRTC}, []int{2}},
		{"part of the calling number", store.Query{From: "555"}, []int{0}},
		{"called address in another case", store.Query{To: "suPPort"}, []int{0}},
		{"wildcards stand for themselves", store.Query{From: "%_"}, []int{1}},
		{"wildcard alone matches no other", store.Query{To: "_"}, nil},
		{"since is included", store.Query{Since: c[1].CreatedAt}, []int{2, 1}},
		{"until is excluded", store.Query{Until: c[1].CreatedAt}, []int{0}},
		{"tracker, confirmed only", store.Query{Tracker: "Cancellation"}, []int{0}},
		{"unknown tracker", store.Query{Tracker: "Refund"}, nil},
		{"word of an utterance", store.Query{Text: "order"}, []int{2, 0}},
		{"another form of the word", store.Query{Text: "cancelling orders"}, []int{0}},
		{"begin of a word, letter case ignored", store.Query{Text: "cAnc*"}, []int{0}},
		{"begin of a word that is not marked as one", store.Query{Text: "canc"}, nil},
		{"accents ignored", store.Query{Text: "creme BRULEE"}, []int{0}},
		{"all words", store.Query{Text: "order late"}, []int{2}},
		{"search syntax stands for nothing", store.Query{Text: `"order" AND (late* NEAR -`}, nil},
		{"punctuation is no word", store.Query{Text: `" * ( ) ' ;`}, nil},
		{"all together", store.Query{
			Status: []conversation.Status{conversation.Completed}, Direction: conversation.Inbound, From: "555",
			Since: c[0].CreatedAt, Tracker: "Cancellation", Text: "order", Limit: 1,
		}, []int{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			page, err := b.Store.ListConversations(t.Context(), test.query)
			require.NoError(t, err)
			require.Empty(t, page.Next)
			got := []conversation.ID{}
			for _, item := range page.Conversations {
				got = append(got, item.ID)
			}
			want := []conversation.ID{}
			for _, i := range test.want {
				want = append(want, c[i].ID)
			}
			require.Equal(t, want, got)
		})
	}
	t.Run("a strange cursor is invalid", func(t *testing.T) {
		for _, cursor := range []string{"x", "1", "1-", "-1", "1-2-3", "9223372036854775808-1"} {
			_, err := b.Store.ListConversations(t.Context(), store.Query{Cursor: cursor})
			require.ErrorIs(t, err, conversation.ErrInvalid, cursor)
		}
	})
	t.Run("pages are complete and stable", func(t *testing.T) { testPages(t, d) })
}

func testPages(t *testing.T, d Driver) {
	t.Helper()
	b, s := d.New(t), NewScript()
	at := epoch().Add(time.Hour)
	for i := range 25 { // created in the same instant by fives, so that the identity has to decide
		s.Inbound(strconv.Itoa(i), "100", func(c *conversation.Conversation) { c.CreatedAt = at.Add(time.Duration(i/5) * time.Second) })
	}
	b.Write(s.Events)
	var got []string
	query := store.Query{Limit: 4}
	for {
		page, err := b.Store.ListConversations(t.Context(), query)
		require.NoError(t, err)
		for _, c := range page.Conversations {
			got = append(got, c.From)
		}
		if page.Next == "" {
			break
		}
		require.Len(t, page.Conversations, 4)
		query.Cursor = page.Next
		fresh := NewScript()
		fresh.now = at.Add(time.Duration(len(got)) * time.Minute)
		fresh.position = 1000 * int64(len(got))
		fresh.Inbound("newer", "100", nil)
		b.Write(fresh.Events)
	}
	require.Len(t, got, 25)
	for i, from := range got {
		require.Equal(t, strconv.Itoa(24-i), from)
	}
}
