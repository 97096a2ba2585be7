package store

import (
	"context"
	"errors"
	"time"

	"github.com/operatord/operatord/conversation"
)

// step stores the batch in front. After an error, which means that the database is away, its events are in the spool or
// in front of the queue again.
func (w *Writer) step(ctx context.Context) error {
	batch, err := w.take()
	if err != nil {
		return w.failed(err)
	}
	started := time.Now()
	if err := w.store(ctx, batch); err != nil {
		w.returnBatch()
		return w.failed(err)
	}
	w.metrics.stored.Add(float64(len(batch)))
	w.metrics.commit.Observe(time.Since(started).Seconds())
	w.succeeded()
	return w.finishBatch()
}

// take makes the oldest events the batch: the spool's, or the queue's if the spool is empty.
func (w *Writer) take() ([]item, error) {
	w.transfer.Lock()
	defer w.transfer.Unlock()
	if w.spool.len() == 0 {
		w.batch, w.spooled = w.queue.pop(w.size), 0
		return w.batch, nil
	}
	records, err := w.spool.peek(w.size)
	if err != nil {
		return nil, err
	}
	w.batch, w.spooled = nil, len(records)
	for _, record := range records {
		it, err := parseItem(record)
		if err != nil {
			w.rejected.record(record, err)
			continue
		}
		w.batch = append(w.batch, it)
	}
	return w.batch, nil
}

// finishBatch forgets the batch, which is stored or rejected, and its copy in the spool.
func (w *Writer) finishBatch() error {
	w.transfer.Lock()
	defer w.transfer.Unlock()
	n := max(len(w.batch), w.spooled)
	var err error
	if w.spooled > 0 {
		err = w.spool.drop(w.spooled)
	}
	w.batch, w.spooled, w.size = nil, 0, min(2*w.size, w.o.BatchSize)
	w.queue.finish(n)
	return err
}

// returnBatch makes the batch wait again, in the spool if it can be written.
func (w *Writer) returnBatch() {
	w.toSpool()
	w.transfer.Lock()
	defer w.transfer.Unlock()
	if w.spooled == 0 {
		w.queue.unpop(w.batch)
	}
	w.batch, w.spooled, w.size = nil, 0, max(w.size/2, 1)
}

// spillLoop moves events to the spool whenever it is asked to, until stop is closed.
func (w *Writer) spillLoop(stop <-chan struct{}) {
	for {
		select {
		case <-w.spill:
			w.toSpool()
		case <-stop:
			return
		}
		timer := time.NewTimer(spillDelay)
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return
		}
	}
}

// toSpool moves what waits in memory to the spool, a batch in flight with it: should the daemon die or the transaction
// fail, the copy counts, else finishBatch drops it. If the spool cannot be written, all stays where it is.
func (w *Writer) toSpool() {
	w.transfer.Lock()
	defer w.transfer.Unlock()
	var records [][]byte
	inFlight := 0
	if w.spooled == 0 {
		inFlight = len(w.batch)
	}
	for _, it := range w.batch[:inFlight] {
		records = append(records, it.doc)
	}
	items := w.queue.pop(w.o.QueueSize)
	for _, it := range items {
		records = append(records, it.doc)
	}
	if len(records) == 0 {
		return
	}
	err := w.spool.push(records)
	w.noteSpool(err)
	if err != nil {
		w.queue.unpop(items)
		return
	}
	w.metrics.spooled.Add(float64(len(records)))
	w.spooled += inFlight
}

// noteSpool reports when the spool begins to fail, and when it has recovered. The caller holds transfer.
func (w *Writer) noteSpool(err error) {
	switch stuck := err != nil; {
	case stuck && !w.stuck:
		w.o.Logger.Error("events cannot be spooled either, they wait in memory", "err", err, "limit", w.o.QueueSize)
	case w.stuck && !stuck:
		w.o.Logger.Info("events can be spooled again")
	}
	w.stuck = err != nil
}

// store stores a batch. Events that can never be stored are rejected, found by halving the batch around them; an error
// means that the database is away.
func (w *Writer) store(ctx context.Context, batch []item) error {
	if len(batch) == 0 {
		return nil
	}
	if len(batch) == 1 {
		return w.storeAlone(ctx, batch)
	}
	err := w.transact(ctx, batch, w.o.Hooks)
	if err == nil || !w.atFault(err) {
		return err
	}
	half := len(batch) / 2
	if err := w.store(ctx, batch[:half]); err != nil {
		return err
	}
	return w.store(ctx, batch[half:])
}

// storeAlone stores one event, without its hooks if they go on failing: the log must not stop for them.
func (w *Writer) storeAlone(ctx context.Context, one []item) error {
	delay := w.o.RetryDelay
	for attempt := 1; ; attempt++ {
		err := w.transact(ctx, one, w.o.Hooks)
		if err == nil || !w.atFault(err) {
			return err
		}
		if _, ok := errors.AsType[*hookError](err); !ok {
			w.rejected.event(one[0].event, one[0].doc, err)
			return nil
		}
		if attempt >= w.o.HookAttempts {
			w.rejected.hook(one[0].event, one[0].doc, err)
			break
		}
		pause(context.WithoutCancel(ctx), delay) // the attempts are few, and a shutdown must not use them up at once
		delay *= 2
	}
	err := w.transact(ctx, one, nil)
	if err != nil && w.atFault(err) {
		w.rejected.event(one[0].event, one[0].doc, err)
		return nil
	}
	return err
}

// transact runs one transaction to its end or its timeout: the end of ctx does not tear it.
func (w *Writer) transact(ctx context.Context, batch []item, hooks []Hook) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.StoreTimeout)
	defer cancel()
	return w.o.Store.append(ctx, batch, hooks)
}

// atFault reports whether err is the fault of one event or its hook, and not of the database.
func (w *Writer) atFault(err error) bool {
	if _, ok := errors.AsType[*hookError](err); ok {
		return !w.o.Store.db.Away(err)
	}
	return errors.Is(err, conversation.ErrInvalid) || w.o.Store.db.Refused(err)
}

// failed notes that the database is away and returns err.
func (w *Writer) failed(err error) error {
	w.mu.Lock()
	first := w.fault == nil
	w.fault = err
	w.mu.Unlock()
	if first {
		w.o.Logger.Error("database does not take events, they go to the spool", "err", err, "spool", w.o.SpoolPath)
	}
	return err
}

// succeeded notes that the database is there.
func (w *Writer) succeeded() {
	w.mu.Lock()
	back := w.fault != nil
	w.fault = nil
	w.mu.Unlock()
	if back {
		w.o.Logger.Info("database takes events again")
	}
}
