package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/catalog"
)

// Format is the flag of the commands that read or write a file of trackers.
type Format struct {
	Format string `help:"Format of the file: yaml, csv or json; by its name if absent."`
}

// of returns the format of a file.
func (f *Format) of(path string) string {
	if f.Format != "" {
		return f.Format
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return "csv"
	case ".json":
		return "json"
	}
	return "yaml"
}

type trackersImport struct {
	Client
	Output
	Format
	File     string `arg:"" help:"File to import; - is standard input." type:"path"`
	DryRun   bool   `help:"Show what the import would do, and do nothing."`
	Existing string `help:"What becomes of a tracker whose name is taken: update, skip or refuse." enum:"update,skip,refuse" default:"update"`
}

// Run implements the command.
func (i *trackersImport) Run(ctx context.Context, out streams) error {
	data, err := readFile(i.File, os.Stdin)
	if err != nil {
		return err
	}
	var done struct {
		Items []struct {
			catalog.Outcome
			Warnings []catalog.Warning
		}
	}
	answer, err := i.sendJSON(ctx, request{
		method: http.MethodPost, path: "/trackers/import", body: data, mediaType: "application/octet-stream",
		query: url.Values{"format": {i.of(i.File)}, "dry_run": {strconv.FormatBool(i.DryRun)}, "existing": {i.Existing}},
	}, nil, &done)
	if err != nil {
		return err
	}
	for _, item := range done.Items {
		t := shownTracker{Tracker: item.Tracker, Warnings: item.Warnings}
		t.warn(out.err)
	}
	return i.write(out.out, answer.body, func(w io.Writer) error {
		rows := [][]string{{"ACTION", "NAME", "ID", "CHANGES"}}
		for _, item := range done.Items {
			rows = append(rows, []string{
				string(item.Action), item.Tracker.Name, string(item.Tracker.ID), strings.Join(item.Changed, ", "),
			})
		}
		return columns(w, rows...)
	})
}

type trackersExport struct {
	Client
	Format
	File string `arg:"" optional:"" help:"File to write; standard output if absent." type:"path"`
}

// Run implements the command.
func (e *trackersExport) Run(ctx context.Context, out streams) error {
	answer, err := e.send(ctx, request{
		method: http.MethodGet, path: "/trackers/export", query: url.Values{"format": {e.of(e.File)}},
	})
	if err != nil {
		return err
	}
	if e.File == "" {
		_, err = out.out.Write(answer.body)
		return err
	}
	return os.WriteFile(e.File, answer.body, 0o600)
}

// Known names a tracker that may have been deleted.
type Known struct {
	Tracker string `arg:"" help:"Name or identity of the tracker; of a deleted one its identity."`
}

// id returns the identity of the tracker.
func (k *Known) id(ctx context.Context, c *Client) (string, error) {
	if _, err := conversation.ParseID(k.Tracker); err == nil {
		return k.Tracker, nil
	}
	t, _, err := c.find(ctx, k.Tracker)
	return string(t.ID), err
}

type trackersVersions struct {
	Client
	Output
	Known
}

// Run implements the command.
func (v *trackersVersions) Run(ctx context.Context, out streams) error {
	id, err := v.id(ctx, &v.Client)
	if err != nil {
		return err
	}
	var versions struct{ Items []catalog.Version }
	answer, err := v.sendJSON(ctx, request{method: http.MethodGet, path: "/trackers/" + id + "/versions"}, nil, &versions)
	if err != nil {
		return err
	}
	return v.write(out.out, answer.body, func(w io.Writer) error {
		rows := [][]string{{"VERSION", "WHEN", "WHO", "CHANGED"}}
		for _, version := range versions.Items {
			rows = append(rows, []string{
				strconv.Itoa(version.Version), shortTime(version.UpdatedAt), version.UpdatedBy, strings.Join(version.Changed, ", "),
			})
		}
		return columns(w, rows...)
	})
}

type trackersRestore struct {
	Client
	Output
	Known
	Version int `arg:"" help:"Version to restore."`
}

// Run implements the command.
func (r *trackersRestore) Run(ctx context.Context, out streams) error {
	id, err := r.id(ctx, &r.Client)
	if err != nil {
		return err
	}
	var t shownTracker
	path := fmt.Sprintf("/trackers/%s/versions/%d/restore", id, r.Version)
	answer, err := r.sendJSON(ctx, request{method: http.MethodPost, path: path}, nil, &t)
	if err != nil {
		return err
	}
	return r.saved(out, answer, &t)
}
