package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/operatord/operatord/app"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
	"github.com/operatord/operatord/tracking/quality"
	"github.com/operatord/operatord/weights"
)

// benchCommand groups the measurements.
type benchCommand struct {
	Trackers benchTrackers `cmd:"" help:"Measure how well trackers are found in labelled text."`
}

type benchTrackers struct {
	Set        []string `help:"Tab-separated file with a header 'split label text'; may be given several times. Without a split, phrases are drawn from all rows and taken out of the test." type:"existingfile" required:"" sep:"none" placeholder:"FILE"`
	Sets       []string `arg:"" optional:"" name:"more" help:"More sets." type:"existingfile"`
	K          []int    `help:"Phrases of each tracker; may be given several times." default:"10"`
	Open       float64  `help:"Share of the labels that are trackers; the rows of the others are distractors." default:"0.3"`
	Draws      int      `help:"How often trackers and phrases are drawn." default:"3"`
	Rows       int      `help:"Test rows of a set, and background turns, at most; 0 is all." default:"2000"`
	LongRows   int      `help:"Rows of a draw that are also measured between two fillers; 0 is none." default:"300"`
	Background string   `help:"Turns in which nothing should fire: one on each line, or a file with a column 'text'." type:"existingfile" placeholder:"FILE"`
	Encoder    string   `help:"Sentence encoder (GGUF); the bundled one without." type:"existingfile" placeholder:"FILE"`
	JSON       bool     `help:"Print JSON." name:"json"`
	Document   string   `help:"Markdown file whose tables and plot are renewed too." type:"path" placeholder:"FILE"`
}

// benchContexts is how many texts are encoded at once.
const benchContexts = 2

// Run implements the command.
func (b *benchTrackers) Run(ctx context.Context, out streams) (err error) {
	e, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	report, err := b.measure(ctx, e, func(step string) { fmt.Fprintln(out.err, step) })
	if err != nil {
		return err
	}
	if b.Document != "" {
		if err := report.Document(b.Document); err != nil {
			return err
		}
	}
	if b.JSON {
		encoded := json.NewEncoder(out.out)
		encoded.SetIndent("", "  ")
		return encoded.Encode(report)
	}
	return report.WriteText(out.out)
}

// open opens the encoder that was asked for.
func (b *benchTrackers) open(ctx context.Context) (*encoder.Encoder, error) {
	path := b.Encoder
	if path == "" {
		dir, err := app.CacheDir()
		if err != nil {
			return nil, err
		}
		paths, err := weights.Unpack(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("unpack the bundled models: %w", err)
		}
		path = paths.Encoder
	}
	return encoder.Open(path, encoder.Options{Contexts: benchContexts})
}

func (b *benchTrackers) measure(ctx context.Context, e *encoder.Encoder, progress func(string)) (*quality.Report, error) {
	dir, err := app.CacheDir()
	if err != nil {
		return nil, err
	}
	statistics, err := tracking.LoadBackground(ctx, e, dir, func(file string) {
		progress("computing the background statistics of " + e.Name() + ", to be kept in " + file)
	})
	if err != nil {
		return nil, err
	}
	var background []string
	if b.Background != "" {
		if background, err = quality.ReadBackground(b.Background); err != nil {
			return nil, err
		}
	}
	return quality.Run(ctx, quality.Options{
		Encoder: e, Statistics: statistics, Phrases: b.K, Open: b.Open, Draws: b.Draws, Rows: b.Rows, LongRows: b.LongRows,
		Background: background, Progress: progress,
	}, append(b.Set, b.Sets...))
}
