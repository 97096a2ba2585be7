// Command scatter chooses the sentences of tracking/sentences.tsv.gz from public sets, and computes the background statistics
// of the bundled encoder from them; README.md says how.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
	"github.com/operatord/operatord/tracking/quality"
)

// How many sentences are chosen.
const (
	turnCount    = 3000 // turns that say nothing
	contentCount = 800  // turns that say something, without a label
	perSet       = 1050 // labelled sentences of each set, the same number of every label
	longest      = 160  // characters of a sentence
	maxDigits    = 4
)

func main() {
	turns := flag.String("turns", "", "multidogo.tsv, the customer turns; with -sets, sentences are chosen anew")
	sets := flag.String("sets", "", "labelled sets, comma-separated: clinc150.tsv,banking77.tsv,hwu64.tsv")
	model := flag.String("encoder", "weights/all-MiniLM-L6-v2.q8_0.gguf", "GGUF file of the encoder")
	dir := flag.String("dir", "tracking", "folder of sentences.tsv.gz and background.bin")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *turns != "" {
		err = choose(*turns, strings.Split(*sets, ","), filepath.Join(*dir, "sentences.tsv.gz"))
	} else {
		err = compute(ctx, *model, filepath.Join(*dir, "background.bin"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scatter:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// compute writes the statistics of an encoder, from the sentences that this program was built with.
func compute(ctx context.Context, model, out string) (err error) {
	e, err := encoder.Open(model, encoder.Options{Contexts: 2})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	background, err := tracking.InstallBackground(ctx, e)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if _, err := background.WriteTo(&content); err != nil {
		return err
	}
	return os.WriteFile(out, content.Bytes(), 0o644) // a file of the project
}

// choose writes the sentences: lines of kind, label and text.
func choose(turnsPath string, sets []string, out string) error {
	turns, err := quality.ReadBackground(turnsPath)
	if err != nil {
		return err
	}
	content, err := readContent(turnsPath)
	if err != nil {
		return err
	}
	var lines []string
	for _, text := range sample(turns, turnCount) {
		lines = append(lines, tracking.SentenceTurn+"\t\t"+text)
	}
	for _, text := range sample(content, contentCount) {
		lines = append(lines, tracking.SentenceBank+"\t\t"+text)
	}
	for _, path := range sets {
		labelled, err := labelledLines(path)
		if err != nil {
			return err
		}
		lines = append(lines, labelled...)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Fprintln(z, line)
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, packed.Bytes(), 0o644) // a file of the project
}

// labelledLines returns as many training sentences of each label as give perSet in all; test rows stay unseen.
func labelledLines(path string) ([]string, error) {
	rows, err := quality.ReadSet(path)
	if err != nil {
		return nil, err
	}
	texts := make(map[string][]string)
	for _, r := range rows {
		if r.Split == "train" && r.Label != "oos" {
			texts[r.Label] = append(texts[r.Label], r.Text)
		}
	}
	labels := make([]string, 0, len(texts))
	for label := range texts {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	set := strings.TrimSuffix(filepath.Base(path), ".tsv")
	var lines []string
	for _, label := range labels {
		for _, text := range sample(texts[label], perSet/len(labels)) {
			lines = append(lines, tracking.SentenceBank+"\t"+set+"/"+label+"\t"+text)
		}
	}
	return lines, nil
}

// readContent returns the turns of multidogo in which something is said: those that ReadBackground leaves out.
func readContent(path string) ([]string, error) {
	nothing, err := quality.ReadBackground(path)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(nothing))
	for _, text := range nothing {
		known[text] = true
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var content []string
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		cells := strings.Split(scanner.Text(), "\t")
		if text := cells[len(cells)-1]; text != "text" && !known[text] {
			content = append(content, text)
		}
	}
	return content, nil
}

// unfit reports whether a text is left out: a long one, or one with what could be somebody's number or address.
func unfit(text string) bool {
	digits := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return len(text) > longest || digits > maxDigits || strings.Contains(text, "@")
}

// sample returns n different texts, the same ones each time.
func sample(texts []string, n int) []string {
	texts = slices.DeleteFunc(slices.Clone(texts), unfit)
	slices.Sort(texts)
	texts = slices.Compact(texts)
	rng := rand.New(rand.NewPCG(1, 2)) // a reproducible choice, not a secret
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	texts = texts[:min(n, len(texts))]
	slices.Sort(texts) // packs better
	return texts
}
