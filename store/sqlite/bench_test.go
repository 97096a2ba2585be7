package sqlite_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/store"
	"github.com/operatord/operatord/store/storetest"
)

// BenchmarkAppend stores events as a busy node makes them: nine partials for each final utterance.
func BenchmarkAppend(b *testing.B) {
	bench, s := driver.New(b), storetest.NewScript()
	c := s.Inbound("+15550100", "100", nil)
	w := bench.Writer(func(o *store.WriterOptions) { o.QueueSize = b.N + 1 })
	bench.Run(w)
	events := make([]conversation.Event, b.N)
	for i := range events {
		u := s.Say(c, int64(i), "I would like to know where my order is, please")
		events[i] = s.Events[len(s.Events)-1]
		if i%10 != 0 {
			u.Final = false
			events[i].Type, events[i].Utterance = conversation.EventUtterancePartial, &u
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, ev := range events {
		w.Append(ev)
	}
	bench.Flush(w)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// fill makes 100,000 ended conversations with five utterances each, of which one in a hundred says "complaint" and all say
// "order", and one in a thousand has a match of the tracker Rare, one in two of Common.
const fill = `
	WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
	INSERT INTO conversations (id, status, direction, channel, from_address, to_address, node, created_at, doc)
		SELECT 1772442000000000 + i * 1000, iif(i % 10, 'completed', 'failed'), iif(i % 3, 'inbound', 'outbound'), 'sip',
			'+1555' || (i % 9973), '100', 'node-1', 1772442000000000 + i * 1000,
			json_object('id', printf('%d', 1772442000000000 + i * 1000), 'status', 'completed', 'from', '+1555' || i)
		FROM n;
	INSERT INTO utterances (id, conversation_id, role, start_ms, text, doc)
		SELECT c.id + k.value, c.id, 'caller', k.value, 'where is my order ' || iif(c.id / 1000 % 100, 'please', 'complaint'), '{}'
		FROM conversations c, json_each('[1,2,3,4,5]') k;
	INSERT INTO matches (id, conversation_id, utterance_id, tracker_id, tracker, provisional, start_ms, doc)
		SELECT c.id + 1, c.id, c.id + 1, '', iif(c.id / 1000 % 1000, 'Common', 'Rare'), 0, 0, '{}'
		FROM conversations c WHERE c.id / 1000 % 2 = 0`

func BenchmarkList(b *testing.B) {
	bench := driver.New(b)
	_, err := bench.Store.DB().ExecContext(b.Context(), fill)
	require.NoError(b, err)
	old := time.UnixMicro(1772442000000000 + 20_000_000)
	for _, test := range []struct {
		name  string
		query store.Query
	}{
		{"newest", store.Query{}},
		{"status", store.Query{Status: []conversation.Status{conversation.Failed}}},
		{"ended", store.Query{Status: []conversation.Status{conversation.Completed, conversation.Failed}}},
		{"live", store.Query{Status: []conversation.Status{conversation.Queued, conversation.InProgress}}},
		{"number", store.Query{From: "5559972"}},
		{"nobody", store.Query{From: "no such number"}},
		{"period", store.Query{Since: old.Add(-time.Second), Until: old}},
		{"rare tracker", store.Query{Tracker: "Rare"}},
		{"common tracker", store.Query{Tracker: "Common"}},
		{"rare word", store.Query{Text: "complaint"}},
		{"common word", store.Query{Text: "order"}},
		{"two words", store.Query{Text: "order complaint", Status: []conversation.Status{conversation.Completed}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				started := time.Now()
				_, err := bench.Store.ListConversations(b.Context(), test.query)
				require.NoError(b, err)
				took = append(took, time.Since(started))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
