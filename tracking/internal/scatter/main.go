// Command scatter computes the background statistics of a sentence encoder from public sets; README.md says how.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
)

type settings struct {
	model, turns, bank, out string
	turnCount, perSet       int
}

func main() {
	var s settings
	flag.StringVar(&s.model, "encoder", "weights/all-MiniLM-L6-v2.q8_0.gguf", "GGUF file of the encoder")
	flag.StringVar(&s.turns, "turns", "", "multidogo.tsv, the customer turns")
	flag.StringVar(&s.bank, "bank", "", "labelled sets, comma-separated: clinc150.tsv,banking77.tsv,hwu64.tsv")
	flag.StringVar(&s.out, "out", "tracking/background.bin", "file to write")
	flag.IntVar(&s.turnCount, "turn-count", 3000, "how many background turns to sample")
	flag.IntVar(&s.perSet, "per-set", 1000, "how many sentences of each set to sample for the bank")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "scatter:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, s settings) (err error) {
	turns, content, err := readTurns(s.turns)
	if err != nil {
		return err
	}
	bank := sample(content, s.perSet)
	for _, path := range strings.Split(s.bank, ",") {
		sentences, err := readTraining(path)
		if err != nil {
			return err
		}
		bank = append(bank, sample(sentences, s.perSet)...)
	}
	e, err := encoder.Open(s.model, encoder.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	background, err := tracking.NewBackground(ctx, e, sample(turns, s.turnCount), bank)
	if err != nil {
		return err
	}
	f, err := os.Create(s.out)
	if err != nil {
		return err
	}
	_, err = background.WriteTo(f)
	return errors.Join(err, f.Close())
}

// backgroundLabels mark the turns of multidogo in which a customer says nothing a tracker could mean.
var backgroundLabels = []string{ //nolint:gochecknoglobals // a constant
	"contentonly", "confirmation", "rejection", "thankyou", "openinggreeting", "closinggreeting",
}

// readTurns splits the turns of multidogo into background and the others.
func readTurns(path string) (background, content []string, err error) {
	err = eachRow(path, func(row map[string]string) {
		for _, label := range strings.Split(row["labels"], "<div>") {
			if !slices.Contains(backgroundLabels, label) {
				content = append(content, row["text"])
				return
			}
		}
		background = append(background, row["text"])
	})
	return background, content, err
}

// readTraining returns the training rows of a labelled set; its test rows stay unseen.
func readTraining(path string) (sentences []string, err error) {
	err = eachRow(path, func(row map[string]string) {
		if row["split"] == "train" {
			sentences = append(sentences, row["text"])
		}
	})
	return sentences, err
}

// eachRow reads a tab-separated file whose first line names the columns.
func eachRow(path string, visit func(row map[string]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var columns []string
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		cells := strings.Split(scanner.Text(), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		row := make(map[string]string, len(columns))
		for i := range min(len(cells), len(columns)) {
			row[columns[i]] = cells[i]
		}
		visit(row)
	}
	if columns == nil {
		return fmt.Errorf("%s: no rows", path)
	}
	return nil
}

// sample returns n different texts, the same ones each time.
func sample(texts []string, n int) []string {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	texts = slices.Compact(texts)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a reproducible choice, not a secret
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return texts[:min(n, len(texts))]
}
