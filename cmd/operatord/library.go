package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/operatord/operatord/conversation"
)

// libraryCommand works with the library of ready trackers in a running daemon.
type libraryCommand struct {
	List  libraryList  `cmd:"" help:"List the ready trackers."`
	Add   libraryAdd   `cmd:"" help:"Make trackers from ready ones."`
	Diff  libraryDiff  `cmd:"" help:"Tell what sets a tracker apart from the ready one it was made from."`
	Reset libraryReset `cmd:"" help:"Take a tracker back to the ready one it was made from, and tell what that undid."`
}

type libraryList struct {
	Client
	Output
	Category string `help:"Only those of this category."`
}

// Run implements the command.
func (l *libraryList) Run(ctx context.Context, out streams) error {
	query := url.Values{}
	if l.Category != "" {
		query.Set("category", l.Category)
	}
	var page struct {
		Items []struct {
			Name, Category, Description string
			Role                        conversation.Role
			Vocabulary                  []string
			Trackers                    []conversation.ID
		}
	}
	answer, err := l.sendJSON(ctx, request{method: http.MethodGet, path: "/tracker-library", query: query}, nil, &page)
	if err != nil {
		return err
	}
	return l.write(out.out, answer.body, func(w io.Writer) error {
		rows := [][]string{{"CATEGORY", "NAME", "WHOSE", "PHRASES", "ADDED", "DESCRIPTION"}}
		for _, e := range page.Items {
			added := ""
			if len(e.Trackers) > 0 {
				added = "yes"
			}
			rows = append(rows, []string{e.Category, e.Name, whose(e.Role), strconv.Itoa(len(e.Vocabulary)), added, e.Description})
		}
		return columns(w, rows...)
	})
}

type libraryAdd struct {
	Client
	Output
	Names []string `arg:"" help:"Names of ready trackers."`
}

// Run implements the command. It stops at the first tracker that cannot be made; those before it stay.
func (a *libraryAdd) Run(ctx context.Context, out streams) error {
	for _, name := range a.Names {
		var t shownTracker
		path := "/tracker-library/" + url.PathEscape(name) + "/add"
		answer, err := a.sendJSON(ctx, request{method: http.MethodPost, path: path}, nil, &t)
		if err != nil {
			return err
		}
		if err := a.saved(out, answer, &t); err != nil {
			return err
		}
	}
	return nil
}

// shownDifference is how a tracker differs from its ready one, as the API shows it.
type shownDifference struct {
	Library   string
	Identical bool
	Added     []string `json:"phrases_added"`
	Removed   []string `json:"phrases_removed"`
	Changes   []struct {
		Member           string
		Library, Tracker json.RawMessage
	}
}

// print shows the difference as a patch that leads from the library to the tracker.
func (d *shownDifference) print(w io.Writer) error {
	if d.Identical {
		_, err := fmt.Fprintf(w, "identical with %q of the library\n", d.Library)
		return err
	}
	for _, c := range d.Changes {
		fmt.Fprintf(w, "%s: %s -> %s\n", c.Member, c.Library, c.Tracker)
	}
	for _, phrase := range d.Removed {
		fmt.Fprintln(w, "-", phrase)
	}
	for _, phrase := range d.Added {
		fmt.Fprintln(w, "+", phrase)
	}
	return nil
}

type libraryDiff struct {
	Client
	Output
	Tracker string `arg:"" help:"Name or identity of the tracker."`
}

// Run implements the command.
func (l *libraryDiff) Run(ctx context.Context, out streams) error {
	t, _, err := l.find(ctx, l.Tracker)
	if err != nil {
		return err
	}
	var d shownDifference
	answer, err := l.sendJSON(ctx, request{method: http.MethodGet, path: "/trackers/" + string(t.ID) + "/library-diff"}, nil, &d)
	if err != nil {
		return err
	}
	return l.write(out.out, answer.body, d.print)
}

type libraryReset struct {
	Client
	Output
	Tracker string `arg:"" help:"Name or identity of the tracker."`
}

// Run implements the command. It resets the version that it has read, and no other.
func (r *libraryReset) Run(ctx context.Context, out streams) error {
	old, read, err := r.find(ctx, r.Tracker)
	if err != nil {
		return err
	}
	var result struct {
		Tracker shownTracker
		Undone  shownDifference
	}
	answer, err := r.sendJSON(ctx, request{
		method: http.MethodPost, path: "/trackers/" + string(old.ID) + "/reset", header: http.Header{"If-Match": {read.header.Get("ETag")}},
	}, nil, &result)
	if err != nil {
		return err
	}
	return r.write(out.out, answer.body, func(w io.Writer) error {
		fmt.Fprintf(w, "%s  %s  version %d\n", result.Tracker.ID, result.Tracker.Name, result.Tracker.Version)
		return result.Undone.print(w)
	})
}
