package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/operatord/operatord/app"
	"github.com/operatord/operatord/weights"
)

// modelsCommand groups the commands about speech models.
type modelsCommand struct {
	List modelsList `cmd:"" help:"List the official models that can be downloaded."`
	Pull modelsPull `cmd:"" help:"Download, verify and install a model."`
}

type modelsList struct{}

// Run implements the command.
func (modelsList) Run(out streams) error {
	table := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSIZE\tLANGUAGES")
	for _, m := range weights.Catalog() {
		languages := "English"
		if m.Multilingual() {
			languages = "multilingual"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", m.Name, m.Size, languages)
	}
	return table.Flush()
}

type modelsPull struct {
	Name    string `arg:"" help:"Name of the model, such as base.en; see 'operatord models list'."`
	Dir     string `help:"Folder to install it in; the user's cache without one." type:"path"`
	BaseURL string `help:"Where the model files are." default:"${models_url}"`
}

// Run implements the command.
func (m *modelsPull) Run(ctx context.Context, out streams) error {
	dir := m.Dir
	if dir == "" {
		var err error
		if dir, err = app.CacheDir(); err != nil {
			return err
		}
	}
	bar := &progressBar{w: out.err, name: m.Name}
	path, err := weights.Pull(ctx, weights.PullOptions{Name: m.Name, Dir: dir, BaseURL: m.BaseURL, Progress: bar.show})
	bar.finish()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out.out, "installed %s\nuse it with:\n  asr:\n    model: %s\n", path, path)
	return err
}

// progressBar draws one line, at most ten times a second.
type progressBar struct {
	w     io.Writer
	name  string
	shown time.Time
}

const megabyte = 1 << 20

func (b *progressBar) show(done, total int64) {
	now := time.Now()
	if now.Sub(b.shown) < 100*time.Millisecond && done != total {
		return
	}
	b.shown = now
	if total <= 0 {
		fmt.Fprintf(b.w, "\r%s: %d MB", b.name, done/megabyte)
		return
	}
	fmt.Fprintf(b.w, "\r%s: %3d %% of %d MB", b.name, done*100/total, total/megabyte)
}

func (b *progressBar) finish() {
	if !b.shown.IsZero() {
		fmt.Fprintln(b.w)
	}
}
