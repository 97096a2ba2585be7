package store

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/operatord/operatord/conversation"
)

// item is an event with its JSON, which is made once for the log and the spool.
type item struct {
	event conversation.Event
	doc   []byte
}

func newItem(ev conversation.Event) (item, error) {
	doc, err := document(ev)
	return item{event: ev, doc: []byte(doc)}, err
}

func parseItem(doc []byte) (item, error) {
	it := item{doc: doc}
	err := json.Unmarshal(doc, &it.event)
	return it, err
}

// queue is where events wait in memory. It counts what goes in and what is done with, so that Flush can wait for it.
// Nothing that is slow happens under its lock.
type queue struct {
	limit int

	mu       sync.Mutex
	items    []item
	closed   bool
	accepted int64         // events ever taken in, those of the spool at the start included
	done     int64         // of those, the ones stored or rejected
	progress chan struct{} // closed and replaced when done grows
}

func newQueue(limit, spooled int) *queue {
	return &queue{limit: limit, accepted: int64(spooled), progress: make(chan struct{})}
}

// push adds an event and returns how many wait now; false if the queue is full or closed.
func (q *queue) push(it item) (waiting int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.items) >= q.limit {
		return len(q.items), false
	}
	q.items = append(q.items, it)
	q.accepted++
	return len(q.items), true
}

// pop takes the oldest events, n at most.
func (q *queue) pop(n int) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.items))
	items := q.items[:n:n]
	q.items = q.items[n:]
	if len(q.items) == 0 {
		q.items = nil // lets go of the array behind items
	}
	return items
}

// unpop puts events back in front, even into a full queue.
func (q *queue) unpop(items []item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(slices.Clip(items), q.items...)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// finish counts n events as done with.
func (q *queue) finish(n int) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done += int64(n)
	close(q.progress)
	q.progress = make(chan struct{})
}

// mark returns the count that done must reach for everything pushed so far to be done with.
func (q *queue) mark() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.accepted
}

// reached reports whether done has reached mark; if not, changed is closed when that is worth asking again.
func (q *queue) reached(mark int64) (ok bool, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.done >= mark, q.progress
}
