// Package catalog manages the trackers of a daemon: it creates, changes, deletes, imports and restores them, tells what is
// doubtful about them, and keeps the detector at what is stored. Whoever changes trackers does it here.
//
// It does not match anything and does not know HTTP; package api renders it and package store keeps what it decides.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

// Store keeps trackers. Package store says what its methods promise.
type Store interface {
	Trackers(context.Context) ([]tracking.Tracker, error)
	Tracker(context.Context, conversation.ID) (tracking.Tracker, error)
	SaveTrackers(context.Context, []tracking.Tracker) ([]tracking.Tracker, error)
	DeleteTracker(ctx context.Context, id conversation.ID, by string) error
	TrackerVersions(context.Context, conversation.ID) ([]tracking.Tracker, error)
	TrackerChanges(ctx context.Context, before int64, limit int) ([]tracking.Change, error)
	CountPhrases(ctx context.Context, tracker string, since time.Time) (phrases map[string]int, conversations int, err error)
}

// Compiler takes the trackers to match from now on; tracking.Detector is one.
type Compiler interface {
	SetTrackers(context.Context, []tracking.Tracker) error
}

// Options configures a Catalog. Store, Compiler and IDs are required.
type Options struct {
	Store    Store
	Compiler Compiler
	// Encoder tells how close the meanings of phrases are; nil leaves out the warnings that need it. It is asked about the same
	// phrases again and again and should remember them.
	Encoder   tracking.Encoder
	IDs       *conversation.IDs
	Endpoints []string // names of the webhook endpoints that actions may name
	// OnCompiled is called after every compilation with its error; nil is not called.
	OnCompiled func(error)
	Logger     *slog.Logger     // nil discards
	Now        func() time.Time // nil is time.Now
}

// Catalog is safe for concurrent use. Run keeps the detector up to date.
type Catalog struct {
	opts Options
	log  *slog.Logger
	now  func() time.Time

	// changed tells Run that the stored trackers changed; capacity 1, never closed, further changes join the one waiting.
	changed chan struct{}
	inForce atomic.Pointer[map[conversation.ID]tracking.Tracker]

	mu    sync.Mutex
	state State
	// compiled is closed when the first compilation has ended.
	compiled chan struct{}
}

// New returns a catalog of the trackers in the store. It starts nothing.
func New(opts Options) (*Catalog, error) {
	if opts.Store == nil || opts.Compiler == nil || opts.IDs == nil {
		return nil, errors.New("catalog: Store, Compiler and IDs are required")
	}
	c := &Catalog{
		opts: opts, log: opts.Logger, now: opts.Now, state: State{Status: Compiling},
		changed: make(chan struct{}, 1), compiled: make(chan struct{}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.inForce.Store(&map[conversation.ID]tracking.Tracker{})
	c.changed <- struct{}{}
	return c, nil
}

// Trackers returns all trackers in the order of their names.
func (c *Catalog) Trackers(ctx context.Context) ([]tracking.Tracker, error) {
	return c.opts.Store.Trackers(ctx)
}

// Tracker returns one tracker, or an error matching conversation.ErrNotFound.
func (c *Catalog) Tracker(ctx context.Context, id conversation.ID) (tracking.Tracker, error) {
	return c.opts.Store.Tracker(ctx, id)
}

// Create adds a tracker in someone's name and returns it as stored. Errors match conversation.ErrInvalid or
// conversation.ErrConflict.
func (c *Catalog) Create(ctx context.Context, by string, content Content) (tracking.Tracker, error) {
	fresh := c.fresh(by, content)
	if err := fresh.Validate(); err != nil {
		return fresh, err
	}
	saved, err := c.save(ctx, []tracking.Tracker{fresh})
	if err != nil {
		return fresh, err
	}
	return saved[0], nil
}

// CreateAll adds trackers as Create does, all or none. Its member errors begin with the place: items[2].name.
func (c *Catalog) CreateAll(ctx context.Context, by string, contents []Content) ([]tracking.Tracker, error) {
	fresh := make([]tracking.Tracker, len(contents))
	var problems []error
	for i, content := range contents {
		fresh[i] = c.fresh(by, content)
		problems = append(problems, Place(fresh[i].Validate(), i))
	}
	problems = append(problems, repeated(fresh)...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return c.save(ctx, fresh)
}

// fresh returns a new tracker with a content.
func (c *Catalog) fresh(by string, content Content) tracking.Tracker {
	return content.tracker(tracking.Tracker{ID: c.opts.IDs.Next(c.now()), UpdatedBy: by})
}

// Place adds to the member errors of one of several trackers which one it is: items[2].name.
func Place(err error, i int) error { return within(fmt.Sprintf("items[%d]", i), err) }

// within adds a place in front of the members that err names.
func within(place string, err error) error {
	members := tracking.MemberErrors(err)
	if len(members) == 0 {
		return err
	}
	problems := make([]error, len(members))
	for i, m := range members {
		problems[i] = &tracking.MemberError{Member: place + "." + m.Member, Problem: m.Problem}
	}
	return errors.Join(problems...)
}

// repeated returns an error for every tracker that has the name of an earlier one.
func repeated(trackers []tracking.Tracker) []error {
	var problems []error
	first := map[string]int{}
	for i, t := range trackers {
		if j, taken := first[t.Name]; taken {
			problems = append(problems, &tracking.MemberError{
				Member: fmt.Sprintf("items[%d].name", i), Problem: fmt.Sprintf("repeats the name of items[%d]", j),
			})
			continue
		}
		first[t.Name] = i
	}
	return problems
}

// attempts is how often a change is tried on a tracker that others change at the same time.
const attempts = 3

// Change replaces the content of a tracker by what edit makes of the tracker as it is, in someone's name, and returns it as
// stored. A change that changes nothing makes no version. edit may be called again when someone else was quicker; its error
// is returned as it is. Other errors match conversation.ErrNotFound, conversation.ErrInvalid or conversation.ErrConflict.
func (c *Catalog) Change(
	ctx context.Context, id conversation.ID, by string, edit func(tracking.Tracker) (Content, error),
) (tracking.Tracker, error) {
	for attempt := 1; ; attempt++ {
		changed, err := c.change(ctx, id, by, edit)
		if attempt < attempts && errors.Is(err, errOvertaken) {
			continue
		}
		return changed, err
	}
}

// errOvertaken marks a change that someone else was quicker than.
var errOvertaken = errors.New("changed meanwhile")

func (c *Catalog) change(
	ctx context.Context, id conversation.ID, by string, edit func(tracking.Tracker) (Content, error),
) (tracking.Tracker, error) {
	old, err := c.opts.Store.Tracker(ctx, id)
	if err != nil {
		return old, err
	}
	content, err := edit(old)
	if err != nil {
		return old, err
	}
	if len(Changed(ContentOf(old), content)) == 0 {
		return old, nil
	}
	next := content.tracker(old)
	next.UpdatedBy = by
	if err := next.Validate(); err != nil {
		return old, err
	}
	saved, err := c.save(ctx, []tracking.Tracker{next})
	if err == nil {
		return saved[0], nil
	}
	if now, readErr := c.opts.Store.Tracker(ctx, id); readErr == nil && now.Version != old.Version {
		err = errors.Join(err, errOvertaken)
	}
	return old, err
}

// Delete removes a tracker in someone's name if check, which may be nil, agrees. Its versions and matches stay.
func (c *Catalog) Delete(ctx context.Context, id conversation.ID, by string, check func(tracking.Tracker) error) error {
	t, err := c.opts.Store.Tracker(ctx, id)
	if err == nil && check != nil {
		err = check(t)
	}
	if err == nil {
		err = c.opts.Store.DeleteTracker(ctx, id, by)
	}
	if err == nil {
		c.touch()
	}
	return err
}

// save stores trackers and has them compiled.
func (c *Catalog) save(ctx context.Context, trackers []tracking.Tracker) ([]tracking.Tracker, error) {
	saved, err := c.opts.Store.SaveTrackers(ctx, trackers)
	if err == nil {
		c.touch()
	}
	return saved, err
}

// Changes returns up to limit entries of the record of changes below a number, newest first; 0 begins at the newest.
func (c *Catalog) Changes(ctx context.Context, before int64, limit int) ([]tracking.Change, error) {
	return c.opts.Store.TrackerChanges(ctx, before, limit)
}
